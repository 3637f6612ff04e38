package dial

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/netcfg/pppoe"
)

// played is a dialer whose pppd is a script.
func played(t *testing.T, script string) *dialer {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "pppd")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return &dialer{
		pppd: program, folder: dir, password: "s3cr3t", channel: filepath.Join(dir, "channel"), session: pppoe.New("eth0"), events: make(chan pppoe.Event),
		config: pppoe.Config{Link: "wan", Port: "eth0", User: "a@b", MTU: 1492, IPv4: true, IPv6: true},
	}
}

func (d *dialer) next(t *testing.T) pppoe.Event {
	t.Helper()
	select {
	case e := <-d.events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("nothing happens")
		return nil
	}
}

func TestPppdHasThePasswordFromAPipeAlone(t *testing.T) {
	d := played(t, "cat /proc/self/fd/3 > options; echo \"$0 $@\" > seen; env >> seen; ls -l /proc/$$/fd >> seen\n")
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if e, ended := d.next(t).(pppoe.Ended); !ended || e.Cause.Text != "pppd ended with status 0" {
		t.Errorf("%+v", e)
	}
	options, _ := os.ReadFile(filepath.Join(d.folder, "options"))
	if string(options) != d.config.Options("s3cr3t", scripts, d.channel) {
		t.Errorf("got %q", options)
	}
	seen, _ := os.ReadFile(filepath.Join(d.folder, "seen"))
	if !strings.Contains(string(seen), "pppd file /proc/self/fd/3\n") || strings.Contains(string(seen), "s3cr3t") {
		t.Errorf("it sees\n%s", seen)
	}
}

func TestWhatPppdSaysIsHeard(t *testing.T) {
	d := played(t, "echo local  LL address fe80::1; echo remote LL address fe80::2; echo CHAP authentication failed: no >&2; exit 19\n")
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if _, told := d.next(t).(pppoe.Told); !told {
		t.Error("IPv6 is not heard of")
	}
	if e, ended := d.next(t).(pppoe.Ended); !ended || e.Cause.Text != "the provider refuses user or password (CHAP): no" || !e.Cause.Refused {
		t.Errorf("%+v", e)
	}
}

func TestAPppdThatLeavesSomebodyBehindHasEnded(t *testing.T) {
	d := played(t, "sleep 1000 &\necho $! > child\nkill -9 $$\n")
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if e, ended := d.next(t).(pppoe.Ended); !ended || e.Cause.Text != "pppd was killed (signal 9)" {
		t.Errorf("%+v", e)
	}
	var child int
	text, _ := os.ReadFile(filepath.Join(d.folder, "child"))
	for _, c := range strings.TrimSpace(string(text)) {
		child = 10*child + int(c-'0')
	}
	if child > 1 {
		syscall.Kill(child, syscall.SIGKILL)
	}
}

func TestWithoutPppdThereIsNoSession(t *testing.T) {
	d := played(t, "")
	d.pppd = filepath.Join(d.folder, "none")
	if err := d.start(); err == nil || !strings.Contains(err.Error(), "start pppd: ") {
		t.Error(err)
	}
}

// The whole of it: a cable, a session, its end, and the end of the process, which says goodbye first.
func TestASessionFromTheCableToTheEnd(t *testing.T) {
	d := played(t, "echo x >> starts\ntrap 'echo bye >> starts; exit 5' TERM\nwhile true; do sleep 0.01; done\n")
	if err := d.listen(); err != nil {
		t.Fatal(err)
	}
	stop, end := make(chan os.Signal, 1), make(chan error, 1)
	go func() { end <- d.loop(stop) }()
	fact := func(want func(pppoe.Fact) bool) {
		t.Helper()
		for range 6000 {
			if want(pppoe.Read(d.folder, "wan")) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("it is %+v", pppoe.Read(d.folder, "wan"))
	}
	d.events <- pppoe.Cable{There: false}
	fact(func(f pppoe.Fact) bool { return f.Reason == "PPPoE: no carrier at eth0" })
	d.events <- pppoe.Cable{There: true}
	for range 6000 {
		if text, _ := os.ReadFile(filepath.Join(d.folder, "starts")); len(text) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Setenv("DNS1", "203.0.113.53")
	if code := Told([]string{"wan", "", "0", "10.9.9.100", "10.9.9.1", d.channel}); code != 0 {
		t.Fatal(code)
	}
	fact(func(f pppoe.Fact) bool { return f.Up && f.Local.String() == "10.9.9.100" && len(f.DNS) == 1 })
	stop <- syscall.SIGTERM
	if err := <-end; err != nil {
		t.Error(err)
	}
	fact(func(f pppoe.Fact) bool { return !f.Up && strings.Contains(f.Reason, "bantam service start pppoe-wan") })
	if text, _ := os.ReadFile(filepath.Join(d.folder, "starts")); string(text) != "x\nbye\n" {
		t.Errorf("it was %q", text)
	}
}
