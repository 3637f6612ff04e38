package editor

import (
	"testing"

	"golang.org/x/sys/unix"
)

// tinyFileSystem mounts a tmpfs of 64 KiB; it needs root.
func tinyFileSystem(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("mount a tmpfs (be root): %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}
