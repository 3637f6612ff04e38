package images

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// smallPackage is one that is quickly fetched.
const smallPackage = "isolinux"

// noNetwork makes apt fail at once whenever it wants to fetch something.
func noNetwork(t *testing.T) {
	t.Helper()
	for _, name := range []string{"http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
}

func TestPackagesAreFetchedOnce(t *testing.T) {
	ctx, cache := context.Background(), t.TempDir()
	var wait sync.WaitGroup
	for range 2 { // two builds at the same time, from an empty cache
		wait.Go(func() {
			packages, err := Archive{CacheDir: cache, Release: "bookworm", Arch: "amd64"}.Packages(ctx, smallPackage)
			if err != nil {
				t.Error(err)
				return
			}
			p := packages[smallPackage]
			if _, err := os.Stat(filepath.Join(p.Dir, "usr/lib/ISOLINUX/isolinux.bin")); err != nil {
				t.Error(err)
			}
			if sum, err := FileDigest(p.Deb); err != nil || sum != p.SHA256 {
				t.Errorf("%s has digest %s, %v; want %s", p.Deb, sum, err, p.SHA256)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}

	// Lists that name what the archive has replaced since are updated, and the dead leave nothing.
	outdated := `{"isolinux": {"Package": "isolinux", "Version": "0.1", "Architecture": "all", "SHA256": "00"}}`
	if err := os.WriteFile(filepath.Join(cache, "apt/bookworm-amd64", recordsFile), []byte(outdated), 0o644); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(cache, "packages/.fetch-dead")
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := (Archive{CacheDir: cache, Release: "bookworm", Arch: "amd64"}).Packages(ctx, smallPackage); err != nil {
		t.Errorf("a package that the archive has replaced: %v", err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("what a killed build left is still there")
	}

	noNetwork(t)
	var steps []string
	archive := Archive{CacheDir: cache, Release: "bookworm", Arch: "amd64", Progress: func(m string) { steps = append(steps, m) }}
	packages, err := archive.Packages(ctx, smallPackage)
	if err != nil || len(steps) > 0 {
		t.Fatalf("with a warm cache: %v, did %q; want nothing to do", err, steps)
	}
	pinned := smallPackage + "=" + packages[smallPackage].Version
	if again, err := archive.Packages(ctx, pinned); err != nil || again[pinned] != packages[smallPackage] {
		t.Errorf("the same version by name: %+v, %v", again[pinned], err)
	}
	if _, err := archive.Packages(ctx, "syslinux-common"); err == nil || !strings.Contains(err.Error(), "syslinux-common") {
		t.Errorf("another package without network: %v, want an error that names it", err)
	}

	old := time.Now().Add(-2 * listsAge)
	if err := os.Chtimes(filepath.Join(cache, "apt/bookworm-amd64/updated"), old, old); err != nil {
		t.Fatal(err)
	}
	steps = nil
	if _, err := archive.Packages(ctx, smallPackage); err != nil || !strings.Contains(strings.Join(steps, "\n"), "no newer package lists") {
		t.Errorf("old lists without network: %v, did %q; want them used, and said", err, steps)
	}
	archive.NotBefore = time.Now()
	if _, err := archive.Packages(ctx, smallPackage); !errors.Is(err, errUnreachable) {
		t.Errorf("asked for newer lists without network: %v, want that the archive cannot be reached", err)
	}
}

func TestMissingPackagesAreNamed(t *testing.T) {
	archive := Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: "amd64"}
	for _, test := range []struct{ name, asked, want string }{
		{"a package that does not exist", "no-such-package", "Debian bookworm amd64 has no package no-such-package"},
		{"a kernel that is gone lists those there are", "linux-image-6.1.0-1-amd64", "; it has linux-image-6.1.0-"},
		{"a version that is gone lists those there are", "linux-image-amd64=1.0", "has no package linux-image-amd64=1.0 in version 1.0; it has 6.1."},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := archive.Packages(context.Background(), test.asked)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

// Nothing that apt does for us may need root, or touch what belongs to the host.
func TestPackagesAreFetchedWithoutPrivilege(t *testing.T) {
	if cache := os.Getenv("BANTAM_TEST_FETCH"); cache != "" {
		packages, err := Archive{CacheDir: cache, Release: "bookworm", Arch: "arm64"}.Packages(context.Background(), smallPackage)
		if err != nil || packages[smallPackage].Version == "" {
			t.Fatal(err)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Fatal("run the tests as root: this one becomes another user")
	}
	cache := nobodyDir(t)
	cmd := asNobody(t, "TestPackagesAreFetchedWithoutPrivilege", "BANTAM_TEST_FETCH="+cache)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("as nobody: %v: %s", err, out)
	}
}

// nobodyDir is a new folder of user nobody that it can reach.
func nobodyDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bantam-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return dir
}

// asNobody is a command that runs one test of this binary again as user nobody, in / and with
// nothing of our environment but what is given.
func asNobody(t *testing.T, test string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe") // the binary itself may lie where nobody may not look
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(nobodyDir(t), "test")
	if err := os.WriteFile(copied, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.run=^"+test+"$")
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=/nonexistent"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd
}

func TestReleaseOfTheHost(t *testing.T) {
	for text, want := range map[string]string{
		"PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_CODENAME=trixie\nID=debian\n": "trixie",
		"ID=ubuntu\nVERSION_CODENAME=noble\n":                                                "bookworm",
		"ID=debian\n":                                                                        "bookworm",
		"":                                                                                   "bookworm",
	} {
		path := filepath.Join(t.TempDir(), "os-release")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := hostRelease(path); err != nil || got != want {
			t.Errorf("hostRelease of %q = %q, %v; want %q", text, got, err, want)
		}
	}
}
