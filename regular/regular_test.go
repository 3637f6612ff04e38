package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

// Each of these, opened by name, holds its reader for ever or fills its memory.
func TestWhatOthersMayHavePutThere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(path string) error
		flags int
		want  string // "" : no error
		text  string
	}{
		{"a file", func(p string) error { return os.WriteFile(p, []byte("text"), 0o644) }, 0, "", "text"},
		{"an empty file", func(p string) error { return os.WriteFile(p, nil, 0o644) }, 0, "", ""},
		{"nothing", func(string) error { return nil }, 0, "no such file", ""},
		{"a pipe", func(p string) error { return unix.Mkfifo(p, 0o666) }, 0, "it is a pipe", ""},
		{"a link to a pipe", func(p string) error {
			return errors.Join(unix.Mkfifo(p+".pipe", 0o666), os.Symlink(p+".pipe", p))
		}, 0, "it is a pipe", ""},
		{"a device without end", func(p string) error { return os.Symlink("/dev/zero", p) }, 0, "it is a device", ""},
		{"the kernel's log, which is a regular file to stat", func(p string) error { return os.Symlink("/proc/kmsg", p) }, 0, "", ""},
		{"a link where none is followed", func(p string) error { return os.Symlink("/etc/hostname", p) }, unix.O_NOFOLLOW, "it is a symbolic link", ""},
		{"a link to itself", func(p string) error { return os.Symlink(p, p) }, 0, "too many levels", ""},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o755) }, 0, "it is a folder", ""},
		{"a socket", func(p string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			return errors.Join(err, unix.Bind(fd, &unix.SockaddrUnix{Name: p}))
		}, 0, "it is a socket", ""},
		{"a hole of exabytes", func(p string) error {
			return errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, 1<<40))
		}, 0, "it has 1099511627776 bytes, the limit is 1000", ""},
		{"a file that another process holds a lease on", func(p string) error {
			fd, err := unix.Open(p, unix.O_RDWR|unix.O_CREAT, 0o644)
			_, leased := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
			return errors.Join(err, leased)
		}, 0, "resource temporarily unavailable", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := tt.plant(path); err != nil {
				t.Fatal(err)
			}
			got, err := Read(path, tt.flags, 1000)
			if string(got) != tt.text || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v, want %q, %s", got, err, tt.text, tt.want)
			}
			var at *fs.PathError
			if err != nil && (!errors.As(err, &at) || at.Path != path) {
				t.Errorf("%v does not name %s", err, path)
			}
		})
	}
}

func TestReadingEndsWhereTheFileEndedWhenItWasOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	os.WriteFile(path, []byte("four"), 0o644)
	f, err := Open(path, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	os.WriteFile(path, []byte("four and more"), 0o644)
	if got, err := io.ReadAll(f); string(got) != "four" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if f, err = Open(path, 0, 100); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	os.Truncate(path, 2)
	if got, err := io.ReadAll(f); string(got) != "fo" || err != nil {
		t.Errorf("shorter: got %q, %v", got, err)
	}
}

func TestAPartIsReadFromAnyPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := iotest.TestReader(io.NewSectionReader(f, 0, 10), []byte("0123456789")); err != nil {
		t.Error(err)
	}
	b := make([]byte, 4)
	for at, want := range map[int64]string{0: "0123", 6: "6789", 8: "89", 10: "", 99: ""} {
		if n, err := f.ReadAt(b, at); string(b[:n]) != want || (err == io.EOF) != (n < len(b)) {
			t.Errorf("at %d: %q, %v, want %q", at, b[:n], err, want)
		}
	}
}
