// Package registrytest starts Debian's docker-registry for tests.
package registrytest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// Start runs a registry on loopback until the test ends, and returns its HOST:PORT. Lines may go into its configuration: below http, indented, and
// at the top, e.g. of tls and auth.
func Start(t testing.TB, http, top string) string {
	t.Helper()
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatal("docker-registry is missing: apt-get install docker-registry")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp:\n  addr: 127.0.0.1:0\n%s%s", dir, http, top)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	address := make(chan string, 1)
	go func() { // it goes on reading, or the registry would wait for it
		defer close(address)
		listening := regexp.MustCompile(`listening on ([0-9.:]+)`)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	host, ok := <-address
	if !ok {
		t.Fatal("docker-registry has ended")
	}
	return host
}
