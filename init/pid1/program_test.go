package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/switcher"
	"bantam/system"
)

// A command may name anything; reading some of it never ends.
func TestWhatIsNoProgramIsNotRead(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o755); err != nil {
		t.Fatal(err)
	}
	hole := filepath.Join(t.TempDir(), "hole")
	if err := errors.Join(os.WriteFile(hole, nil, 0o755), os.Truncate(hole, 1<<40)); err != nil {
		t.Fatal(err)
	}
	m := NewMachine(supervise.New(supervise.Options{Cgroup: "/none/bantam"}), nil, "", nil, nil)
	prints := make(chan map[string]string, 1)
	go func() {
		got, _ := m.Fingerprints(&system.System{Services: map[string]system.Service{
			"endless": {Command: []string{"/dev/zero"}}, "silent": {Command: []string{pipe}}, "folder": {Command: []string{"/"}},
			"hole": {Command: []string{hole}},
		}}, nothingInTree)
		prints <- got
	}()
	select {
	case got := <-prints:
		for name, want := range map[string]string{
			"endless": "read /dev/zero: not a file that can be read whole: it is a device",
			"silent":  "read " + pipe + ": not a file that can be read whole: it is a pipe",
			"folder":  "read /: not a file that can be read whole: it is a folder",
			"hole":    "read " + hole + ": not a file that can be read whole: it has 1099511627776 bytes, the limit is 536870912",
		} {
			if same, doubt := lifecycle.SameFingerprint(got[name], got[name]); !same || doubt != want {
				t.Errorf("%s: same %v, doubt %q, want %q", name, same, doubt, want)
			}
		}
	case <-time.After(30 * time.Second):
		t.Error("it is still reading after 30 s")
	}
}

func TestAProgramHasChangedExactlyWhenItsBytesHave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	write := func(path, text string) error { return os.WriteFile(path, []byte(text), 0o755) }
	m := NewMachine(supervise.New(supervise.Options{Cgroup: "/none/bantam"}), nil, "", nil, nil)
	m.young = 0
	sys := &system.System{Services: map[string]system.Service{"tool": {Command: []string{path}}}}
	of := func() string {
		prints, err := m.Fingerprints(sys, nothingInTree)
		if err != nil {
			t.Fatal(err)
		}
		return prints["tool"]
	}
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name   string
		change func() error
		same   bool
	}{
		{"nothing", func() error { return nil }, true},
		{"touch", func() error { return os.Chtimes(path, time.Time{}, time.Now()) }, true},
		{"a copy in its place", func() error { return errors.Join(write(path+".new", "first"), os.Rename(path+".new", path)) }, true},
		{"other bytes", func() error { return write(path, "other bytes") }, false},
		{"other bytes of the same size, and the time of before", func() error { return errors.Join(write(path, "again"), os.Chtimes(path, past, past)) }, false},
		{"it is gone", func() error { return os.Remove(path) }, false},
	} {
		if err := errors.Join(write(path, "first"), os.Chtimes(path, past, past)); err != nil {
			t.Fatal(err)
		}
		before := of()
		if of(); len(m.digests) == 0 {
			t.Error("nothing is remembered: the case shows little")
		}
		tick(t, path)
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if same, doubt := lifecycle.SameFingerprint(before, of()); same != c.same || doubt != "" {
			t.Errorf("%s: same %v, doubt %q, want %v", c.name, same, doubt, c.same)
		}
	}
}

// tick waits until a change of path would have another time than its last one.
func tick(t *testing.T, path string) {
	t.Helper()
	changed := func(path string) time.Time {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return time.Unix(st.Ctim.Unix())
	}
	for last := changed(path); ; {
		if err := os.WriteFile(path+".clock", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if changed(path + ".clock").After(last) {
			return
		}
	}
}

func TestAProgramThatTakesTooLongIsNotReadAgainAndAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("text"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := NewMachine(supervise.New(supervise.Options{Cgroup: "/none/bantam"}), nil, "", nil, nil)
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errAllSlow)
	if _, err := m.digest(over, path); err != errAllSlow {
		t.Errorf("when others took all the time: %v", err)
	}
	over, cancel = context.WithCancelCause(t.Context())
	cancel(errSlow)
	for _, ctx := range []context.Context{over, t.Context()} {
		if _, err := m.digest(ctx, path); err != errSlow {
			t.Errorf("%v, want %v", err, errSlow)
		}
	}
	for id := range m.slow {
		m.slow[id] -= readAgain
	}
	if digest, err := m.digest(t.Context(), path); err != nil || digest == "" {
		t.Errorf("later: %q, %v", digest, err)
	}
}

// A hundred programs on disks that hang take no longer than a few.
func TestAllProgramsTogetherHaveALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := &system.System{Services: map[string]system.Service{}}
		for i := range 100 {
			sys.Services[fmt.Sprint("s", i)] = system.Service{Command: []string{fmt.Sprint("/mnt/", i)}}
		}
		never := make(chan struct{})
		defer close(never)
		hangs := func(context.Context, string) (string, error) { <-never; return "", nil }
		slow := func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", context.Cause(ctx) }
		for name, digest := range map[string]func(context.Context, string) (string, error){"a disk that hangs": hangs, "a slow one": slow} {
			l, began := newLooks(mostLooks), time.Now()
			l.mountinfo = func() string { return "" } // each on a disk of its own
			for name, print := range fingerprints(sys, l, nothingBelowUsr, digest) {
				if same, doubt := lifecycle.SameFingerprint(print, print); !same || doubt == "" {
					t.Fatalf("%s: %q", name, print)
				}
			}
			if took := time.Since(began); took != readsLimit {
				t.Errorf("%s: %v, want %v", name, took, readsLimit)
			}
		}
	})
}

func nothingInTree(string) bool { return false }

func nothingBelowUsr(string) (string, bool) { return "", false }

func TestWhereAProgramComesFrom(t *testing.T) {
	m := &Machine{binary: "bantam", commands: map[string]bool{"tcpdump": true, "sh": true}}
	inTree := func(file string) bool {
		return file == "/usr/bin/tcpdump" || file == "/bin/tcpdump" || file == "/usr/sbin/daemon" || file == "/bin/bash" || file == "/lib/x"
	}
	for file, want := range map[string]string{
		"/bin/tcpdump": "bantam", "/usr/bin/tcpdump": switcher.InTree, "/bin/sh": "bantam", "/usr/bin/sh": "bantam", "/sbin/sh": "bantam",
		"/bin/bash": switcher.InTree, "/usr/sbin/daemon": switcher.InTree, "/usr/sbin/gone": "nowhere", "/usr/local/bin/gone": "nowhere",
		"/state/mine": "a look", "/bin/gone": "a look", "/lib/x": switcher.InTree,
	} {
		got, known := m.usrProgram(file, inTree)
		switch {
		case !known:
			got = "a look"
		case got == "":
			got = "nowhere"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}
