//go:build !windows

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fiveCommands are those of the README, from its heading to the end of the block.
func fiveCommands(t *testing.T) (commands []string) {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(raw), "five commands to a rich message\n")
	if !found {
		t.Fatal("the README has no such heading")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if command, code := strings.CutPrefix(line, "    "); code {
			commands = append(commands, command)
		}
	}
	return commands
}

// TestTheFiveCommandsOfTheReadmeLeadToARichMessage pastes them into a shell in an
// empty folder, as they stand but for the ports, which must be free here.
func TestTheFiveCommandsOfTheReadmeLeadToARichMessage(t *testing.T) {
	program, err := exec.LookPath("teamsconnector")
	if err != nil || !found("curl") {
		t.Skip("there is no curl here")
	}
	commands := fiveCommands(t)
	if len(commands) != 5 {
		t.Fatalf("there are %d commands: %q", len(commands), commands)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "teamsconnector")); err != nil {
		t.Fatal(err)
	}
	api, ops, sim := freeAddress(t), freeAddress(t), freeAddress(t)
	ports := strings.NewReplacer("127.0.0.1:8080", api, "127.0.0.1:9911", sim)
	shell := exec.CommandContext(t.Context(), "sh")
	shell.Dir = dir
	shell.Env = append(os.Environ(), "HOME="+dir, "TEAMSCONNECTOR_LISTEN="+api, "TEAMSCONNECTOR_ADMIN_LISTEN="+ops, "TEAMSCONNECTOR_SIMULATOR_LISTEN="+sim, "no_proxy=*")
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, complaints strings.Builder
	shell.Stdout, shell.Stderr = &out, &complaints
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		if _, err := io.WriteString(input, ports.Replace(command)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(command, "simulator") && !eventually(func() bool { return status("http://"+sim+"/") == http.StatusOK }) {
			t.Error("the simulated Teams does not answer")
		}
	}

	appears := eventually(func() bool {
		page, err := get("http://" + sim + "/")
		return err == nil && strings.Contains(string(page), "Disk almost full") && strings.Contains(string(page), "db-2")
	})

	if err := syscall.Kill(-shell.Process.Pid, syscall.SIGTERM); err != nil { // the shell and what it put into the background
		t.Error(err)
	}
	_ = shell.Wait() // killed
	if !appears || !strings.Contains(out.String(), `"sentMessage":true`) {
		t.Errorf("the message does not appear; the shell said\n%s\n%s", &out, &complaints)
	}
}
