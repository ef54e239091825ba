package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

// TestServiceStopsWhenASyncFails lets the kernel refuse a sync: what is on disk
// is not known after it, so the process must end, and must not say 0.
func TestServiceStopsWhenASyncFails(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	teams := newSlowTeams(t)
	defer close(teams.answer)
	in := install(t, teams.URL+"/hook", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	if _, err := in.client(n).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "under way", Wait: client.NoWait}); err != nil {
		t.Fatal(err)
	}
	<-teams.came // and gets no answer: the end does not wait for it
	tracer := exec.Command(strace, "-f", "-p", strconv.Itoa(n.cmd.Process.Pid), "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO")
	stderr, err := tracer.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tracer.Wait() }() // it ends with the process
	said := &lines{fresh: make(chan string, 1000)}
	go said.read(stderr)
	if first := said.next(t, "strace: Process"); !strings.Contains(first, "attached") {
		_ = tracer.Process.Kill()
		t.Skip("strace may not attach to a process here: " + first)
	}

	r, err := in.client(n).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "not to be kept", Wait: client.NoWait})

	if err == nil {
		t.Errorf("the service answered %+v although nothing could be synced", r)
	}
	if code := n.end(t); code != exitFailed {
		t.Errorf("exit code is %d, want %d", code, exitFailed)
	}
	if strings.Contains(n.log.String(), "outcomes can't be written") {
		t.Errorf("the end waited for a send whose outcome can't be kept:\n%s", n.log)
	}
	if !strings.Contains(n.log.String(), "nothing can be stored safely any more") {
		t.Errorf("the reason is not said:\n%s", n.log)
	}
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: rawKey}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	if parsed, err := x509.ParseCertificate(der); err == nil {
		pool.AddCert(parsed)
	}
	return certFile, keyFile, pool
}

func TestWithACertificateThePublicListenerSpeaksTLSAndHTTP2(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	n := startNode(t, t.TempDir(), "--tls-cert", certFile, "--tls-key", keyFile)
	secure := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true},
	}

	res, err := secure.Get("https://" + n.api + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()

	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("got %s over %s, want 200 over HTTP/2", res.Status, res.Proto)
	}
	if got := status("http://" + n.api + "/healthz"); got == http.StatusOK {
		t.Error("the listener answers plain HTTP too")
	}
}

func TestPublicURLDecidesWhichHostsAreAnswered(t *testing.T) {
	n := startNode(t, t.TempDir(), "--public-url", "https://connector.contoso.com")
	ask := func(host string) int {
		req, err := http.NewRequest(http.MethodGet, "http://"+n.api+"/api/v1/messages/msg_1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}

	for _, host := range []string{"connector.contoso.com", "CONNECTOR.contoso.com:443", n.api, "localhost:8080", "[::1]:8080"} {
		if got := ask(host); got != http.StatusUnauthorized {
			t.Errorf("host %s: %d, want 401: it is asked for keys", host, got)
		}
	}
	if got := ask("evil.example.com"); got == http.StatusUnauthorized || got < 400 {
		t.Errorf("a strange host: %d, want a refusal of the host", got)
	}
}

func TestTheStartWarnsOfWhatIsRisky(t *testing.T) {
	t.Setenv("TEAMSCONNECTOR_LISTN", ":1")
	t.Setenv("TEAMSCONNECTOR_SERVICE_HOST", "10.0.0.1")
	n := startNode(t, t.TempDir(), "--listen", "0.0.0.0:0", "--trust-target", "http://127.0.0.1:1/")

	for _, want := range []string{
		`"trust_target":"http://127.0.0.1:1"`, "public-url is not set", "no TLS: license secrets can be read on their way",
		"TEAMSCONNECTOR_LISTN (did you mean TEAMSCONNECTOR_LISTEN?)", `"variable":"TEAMSCONNECTOR_SERVICE_HOST"`,
		"master key made; back it up",
	} {
		if !strings.Contains(n.log.String(), want) {
			t.Errorf("no warning says %q:\n%s", want, n.log)
		}
	}
	n.terminate(t)
	if code := n.end(t); code != 0 {
		t.Errorf("exit code is %d, want 0", code)
	}
}

func TestTheNearestSettingIsTheOneWithTheFewestWrongCharacters(t *testing.T) {
	known := configKeys()
	for typed, want := range map[string]string{
		"lisen": "listen", "public_url": "public-url", "publicUrl": "public-url", "trust-targets": "trust-target",
		"masterkey": "master-key", "loglevl": "log-level", "DATA": "data", "tlscert": "tls-cert",
	} {
		if got := nearestKey(typed, known); !strings.HasSuffix(got, `"`+want+`"`) {
			t.Errorf("%s%s, want %q", typed, got, want)
		}
	}
}

func TestEverySettingHasAFlagAnEnvironmentVariableAndAKey(t *testing.T) {
	p := process{lookup: os.LookupEnv, out: os.Stdout, err: os.Stderr}
	flagOf := map[face]string{}
	for _, cmd := range []struct {
		of   face
		name string
	}{{faceServe, "serve"}, {faceData, "setup"}, {faceTargets, "webhook add"}, {faceSend, "send"}, {faceSimulator, "simulator"}} {
		flagOf[cmd.of] = cmd.name
	}
	commands := map[string]interface{ UsageString() string }{
		"serve": p.serveCommand(), "setup": p.setupCommand(), "webhook add": p.webhookAddCommand(),
		"send": p.sendCommand(), "simulator": p.simulatorCommand(),
	}
	seen := map[string]bool{}
	for _, s := range settings() {
		if seen[s.name] {
			t.Errorf("%s stands twice in the table", s.name)
		}
		seen[s.name] = true
		shown := false
		for of, name := range flagOf {
			if s.of&of == 0 {
				continue
			}
			usage := commands[name].UsageString()
			shown = shown || strings.Contains(usage, "--"+s.flagName()+" ") && strings.Contains(usage, "$"+envName(s.name))
		}
		if !shown {
			t.Errorf("%s: no command's help shows --%s and $%s", s.name, s.flagName(), envName(s.name))
		}
	}
}
