// Package looptest makes disks for tests out of files.
package looptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Disk is a loop device.
type Disk struct {
	Path string // e.g. /dev/loop3
	Name string // e.g. loop3
	File string // that lies behind it
}

// Make makes a disk of so many bytes of zeros. More words are flags of losetup.
func Make(t testing.TB, size int64, flags ...string) Disk {
	t.Helper()
	return On(t, filepath.Join(t.TempDir(), "disk"), size, flags...)
}

// On makes a disk of a file, which is made, too, if it is not there.
func On(t testing.TB, file string, size int64, flags ...string) Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root may make loop devices; run as root")
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Truncate(size)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	path := Tool(t, "mount", "losetup", append(append([]string{"--find", "--show"}, flags...), file)...)
	t.Cleanup(func() { Tool(t, "mount", "losetup", "--detach", path) })
	return Disk{path, filepath.Base(path), file}
}

// Tool runs a program of a Debian package.
func Tool(t testing.TB, pkg, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s (apt-get install %s): %v\n%s", name, strings.Join(args, " "), pkg, err, out)
	}
	return strings.TrimSpace(string(out))
}
