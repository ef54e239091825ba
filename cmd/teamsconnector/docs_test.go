//go:build linux

package main_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/postgrestest"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// walk runs the blocks of a document that are marked sh, one after the other, and
// does in between what its comments name. What a block prints is returned.
func (in *installation) walk(file string, env map[string]string, marks map[string]func()) (printed []string) {
	in.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operate", file))
	if err != nil {
		in.t.Fatal(err)
	}
	steps := regexp.MustCompile("(?s)<!-- test: ([a-z ]+) -->|```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(steps) < 4 {
		in.t.Fatalf("%s has %d steps", file, len(steps))
	}
	for _, step := range steps {
		if do, ok := marks[step[1]]; ok {
			do()
			continue
		}
		if step[1] != "" {
			in.t.Fatalf("%s has a mark %q that this test does not know", file, step[1])
		}
		cmd := exec.CommandContext(in.t.Context(), "sh", "-e", "-c", step[2])
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(in.bin)+":"+os.Getenv("PATH"))
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			in.t.Fatalf("%s: %v\n%s\n%s", file, err, step[2], out)
		}
		printed = append(printed, string(out))
	}
	return printed
}

// say sends a text to the first webhook and does not wait for its end, unless it is held.
func (in *installation) say(text, key string) answer {
	in.t.Helper()
	a, err := in.send(&http.Client{Timeout: 20 * time.Second}, in.hooks[0].id, text, key, "wait=0")
	if err != nil || a.HTTP >= 300 {
		in.t.Fatalf("send %q: %v %s", text, err, a.Problem)
	}
	return a
}

// posts are the texts that the first webhook's channel shows, in the order in which Teams took them; each once, or it fails.
func (in *installation) posts() (texts []string) {
	in.t.Helper()
	for _, m := range in.sim.Oracle().Messages {
		if m.Flow != in.hooks[0].flow || m.Posts == 0 {
			continue
		}
		if m.Posts > 1 {
			in.t.Errorf("%q was posted %d times", m.Text, m.Posts)
		}
		texts = append(texts, m.Text)
	}
	return texts
}

// run runs a command of the binary.
func (in *installation) run(args ...string) string {
	in.t.Helper()
	out, err := exec.CommandContext(in.t.Context(), in.bin, args...).CombinedOutput()
	if err != nil {
		in.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// read asks for a message and returns the status of the answer.
func (in *installation) read(id string) int {
	in.t.Helper()
	r, err := http.NewRequestWithContext(in.t.Context(), http.MethodGet, in.url+"/api/v1/messages/"+id, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	r.SetBasicAuth(in.key, in.secret)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		in.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// unlimited lets posts through as fast as they come.
func unlimited() simulator.Options {
	return simulator.Options{Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}, Sequence: simulator.ByNumber}
}

func TestDocsOfBackupWorkAsWritten(t *testing.T) {
	in := install(t, unlimited(), 1, "--profile", "none")
	in.start()
	in.run("webhook", "pause", "--data", in.data, "--webhook", in.hooks[0].id)
	in.say("waits", "kept")
	work := t.TempDir()
	env := map[string]string{"DATA": in.data, "BACKUP": filepath.Join(work, "backup.db"), "KEY_COPY": filepath.Join(work, "master.key")}
	var lost answer
	began := 0

	printed := in.walk("backup.md", env, map[string]func(){
		"stop": func() {
			lost = in.say("after the backup", "lost")
			in.kill()
		},
		"start": func() {
			in.start()
			if held := in.say("held", ""); held.Status != "held" || !strings.Contains(held.Message, "restored from a backup") {
				t.Errorf("a restored installation answers %+v, want held", held)
			}
			began = len(in.posts())
		},
	})

	if !strings.Contains(strings.Join(printed, ""), "1 message") {
		t.Errorf("nobody says how many messages may go twice: %s", printed)
	}
	if code := in.read(lost.MessageID); code != http.StatusNotFound {
		t.Errorf("an id given after the backup answers %d, want 404", code)
	}
	if again := in.say("after the backup", "lost"); again.MessageID == lost.MessageID {
		t.Error("a key used after the backup is known")
	}
	if began != 0 {
		t.Errorf("%d posts before resume", began)
	}
	in.run("webhook", "resume", "--data", in.data, "--webhook", in.hooks[0].id)
	in.until("all is posted in order", func() bool {
		return slices.Equal(in.posts(), []string{"waits", "held", "after the backup"})
	})
}

func TestDocsOfPostgresWorkAsWritten(t *testing.T) {
	for _, tool := range []string{"psql", "pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is missing")
		}
	}
	server := postgrestest.New()
	t.Cleanup(server.Stop)
	in := install(t, unlimited(), 1, "--profile", "none")
	in.start()
	in.run("webhook", "pause", "--data", in.data, "--webhook", in.hooks[0].id)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint("text ", i))
		in.say(want[i], fmt.Sprint("key", i))
	}
	first := in.say("text 0", "key0")
	work := t.TempDir()
	key := filepath.Join(work, "master.key")
	env := map[string]string{
		"DATA": in.data, "BACKUP": filepath.Join(work, "backup.db"), "KEY_COPY": key,
		"DATABASE": server.Database(t), "EMPTY": server.Database(t), "DUMP": filepath.Join(work, "dump"),
	}

	in.walk("postgres.md", env, map[string]func(){
		"stop": in.kill,
		"start on postgres": func() {
			in.where = []string{"--database", env["DATABASE"], "--master-key-file", key}
			in.start()
			if same := in.say("text 0", "key0"); same.MessageID != first.MessageID {
				t.Errorf("the key of %s is %s now", first.MessageID, same.MessageID)
			}
			in.run("webhook", "resume", "--database", env["DATABASE"], "--master-key-file", key, "--webhook", in.hooks[0].id)
			in.until("all is posted in order, once", func() bool { return slices.Equal(in.posts(), want) })
		},
	})

	cmd := exec.CommandContext(t.Context(), in.bin, "serve", "--data", in.data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "moved to PostgreSQL") {
		t.Errorf("the old data folder is served again: %v %s", err, out)
	}
}
