package sshd

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/images"
)

// The client of each release of Debian, with the libraries of that release.
func TestOpenSSHOfOtherReleases(t *testing.T) {
	cache, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for release, version := range map[string]string{"bullseye": "OpenSSH_8.4", "trixie": "OpenSSH_10.0"} {
		t.Run(release, func(t *testing.T) {
			a := images.Archive{CacheDir: cache, Arch: "amd64", Release: release}
			closure, err := a.Closure(t.Context(), "openssh-client")
			if err != nil {
				t.Fatal(err)
			}
			var names, libraries []string
			for _, r := range closure {
				names = append(names, r.Package)
			}
			packages, err := a.Packages(t.Context(), names...)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range packages {
				libraries = append(libraries, filepath.Join(p.Dir, "lib/x86_64-linux-gnu"), filepath.Join(p.Dir, "usr/lib/x86_64-linux-gnu"))
			}
			loader := one(t, packages["libc6"].Dir, "lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2")
			program := filepath.Join(packages["openssh-client"].Dir, "usr/bin/ssh")
			h := newHost(t, nil)
			ssh := func(args ...string) *exec.Cmd {
				cmd := h.ssh(append([]string{"127.0.0.1"}, args...)...)
				cmd.Args = append([]string{loader, "--library-path", strings.Join(libraries, ":"), program}, cmd.Args[1:]...)
				cmd.Path = loader
				return cmd
			}
			if _, said, _ := out(t, ssh("-V"), nil); !strings.Contains(said, version) {
				t.Errorf("it calls itself %q, want %s", said, version)
			}
			meet(t, ssh)
		})
	}
}

// one is the file in a folder that one of some patterns finds.
func one(t *testing.T, dir string, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("%s has none of %q", dir, patterns)
	return ""
}
