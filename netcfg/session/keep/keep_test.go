package keep

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/netcfg/pppoe"
	"bantam/netcfg/session"
)

// played is a session with a provider whose pppd is a script.
func played(t *testing.T, script string) *Keeper {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "pppd")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	words := pppoe.Words("eth0")
	return &Keeper{
		Program: program, Args: []string{"file", ConfigPath}, Config: func() (string, error) { return "s3cr3t", nil },
		Listen: func() Listener { return new(pppoe.Listener) }, Words: words, Session: session.New(words), Events: make(chan session.Event),
		Folder: dir, Link: "wan", Service: "pppoe-wan",
	}
}

func (k *Keeper) next(t *testing.T) session.Event {
	t.Helper()
	select {
	case e := <-k.Events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("nothing happens")
		return nil
	}
}

func TestAProgramHasItsConfigurationFromAPipeAlone(t *testing.T) {
	k := played(t, "cat /proc/self/fd/3 > options; echo \"$0 $@\" > seen; env >> seen; ls -l /proc/$$/fd >> seen\n")
	if err := k.start(); err.Text != "" {
		t.Fatal(err)
	}
	if e, ended := k.next(t).(session.Ended); !ended || e.Cause.Text != "pppd ended with status 0" {
		t.Errorf("%+v", e)
	}
	options, _ := os.ReadFile(filepath.Join(k.Folder, "options"))
	if string(options) != "s3cr3t" {
		t.Errorf("got %q", options)
	}
	seen, _ := os.ReadFile(filepath.Join(k.Folder, "seen"))
	if !strings.Contains(string(seen), "pppd file /proc/self/fd/3\n") || strings.Contains(string(seen), "s3cr3t") {
		t.Errorf("it sees\n%s", seen)
	}
}

func TestWhatPppdSaysIsHeard(t *testing.T) {
	k := played(t, "echo local  LL address fe80::1; echo remote LL address fe80::2; echo CHAP authentication failed: no >&2; exit 19\n")
	if err := k.start(); err.Text != "" {
		t.Fatal(err)
	}
	if _, told := k.next(t).(session.Told); !told {
		t.Error("IPv6 is not heard of")
	}
	if e, ended := k.next(t).(session.Ended); !ended || e.Cause.Text != "the provider refuses user or password (CHAP): no" || !e.Cause.Refused {
		t.Errorf("%+v", e)
	}
}

func TestAPppdThatLeavesSomebodyBehindHasEnded(t *testing.T) {
	k := played(t, "sleep 1000 &\necho $! > child\nkill -9 $$\n")
	if err := k.start(); err.Text != "" {
		t.Fatal(err)
	}
	if e, ended := k.next(t).(session.Ended); !ended || e.Cause.Text != "pppd was killed (signal 9)" {
		t.Errorf("%+v", e)
	}
	var child int
	text, _ := os.ReadFile(filepath.Join(k.Folder, "child"))
	for _, c := range strings.TrimSpace(string(text)) {
		child = 10*child + int(c-'0')
	}
	if child > 1 {
		syscall.Kill(child, syscall.SIGKILL)
	}
}

func TestWithoutItsProgramThereIsNoSession(t *testing.T) {
	k := played(t, "")
	k.Program = filepath.Join(k.Folder, "none")
	if cause := k.start(); !strings.HasPrefix(cause.Text, "start "+k.Program+": ") || cause.Refused {
		t.Errorf("%+v", cause)
	}
}

func TestWithoutAConfigurationNothingIsStarted(t *testing.T) {
	k := played(t, "touch started\n")
	k.Config = func() (string, error) { return "", os.ErrInvalid }
	if cause := k.start(); cause.Text != "invalid argument" || !cause.Refused || k.process != nil {
		t.Errorf("%+v", cause)
	}
}
