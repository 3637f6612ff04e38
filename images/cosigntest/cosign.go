// Package cosigntest runs cosign for tests: Debian's, of a release that has it, whatever the host runs.
package cosigntest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/images"
)

// Run runs cosign without network but for loopback, and returns all that it says.
func Run(t testing.TB, args ...string) (string, error) {
	t.Helper()
	dir, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	packages, err := images.Archive{CacheDir: dir, Release: "trixie", Arch: "amd64"}.Packages(t.Context(), "cosign")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(packages["cosign"].Dir, "usr/bin/cosign"), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "http_proxy=", "https_proxy=http://127.0.0.1:1", "no_proxy=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Must is Run of what has to succeed.
func Must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := Run(t, args...)
	if err != nil {
		t.Fatalf("cosign %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}
