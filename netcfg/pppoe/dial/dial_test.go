package dial

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

var config = pppoe.Config{Link: "wan", Port: "eth0", User: "a@b", MTU: 1492, IPv4: true, IPv6: true}

// The whole of it: a cable, a session, its end, and the end of the process, which says goodbye first.
func TestASessionFromTheCableToTheEnd(t *testing.T) {
	dir, stop := t.TempDir(), make(chan os.Signal, 1)
	channel := filepath.Join(dir, "channel")
	k := keeper(config, "s3cr3t", channel)
	k.Program, k.Folder = filepath.Join(dir, "pppd"), dir
	script := "#!/bin/sh\ncd " + dir + "\necho \"$0 $@\" > seen; env >> seen; ls -l /proc/$$/fd >> seen; cat /proc/self/fd/3 > options; echo x >> starts\ntrap 'echo bye >> starts; exit 5' TERM\nwhile true; do sleep 0.01; done\n"
	if err := os.WriteFile(k.Program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := listen(k, channel); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- k.Run(stop) }()
	fact := func(want func(session.Fact) bool) {
		t.Helper()
		for range 6000 {
			if want(session.Read(dir, "wan")) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("it is %+v", session.Read(dir, "wan"))
	}
	k.Events <- session.Below{There: false}
	fact(func(f session.Fact) bool { return f.Reason == "PPPoE: no carrier at eth0" })
	k.Events <- session.Below{There: true}
	for range 6000 {
		if text, _ := os.ReadFile(filepath.Join(dir, "starts")); len(text) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Setenv("DNS1", "203.0.113.53")
	if code := Told([]string{"wan", "", "0", "10.9.9.100", "10.9.9.1", channel}); code != 0 {
		t.Fatal(code)
	}
	fact(func(f session.Fact) bool { return f.Up && f.Local.String() == "10.9.9.100" && len(f.DNS) == 1 })
	stop <- syscall.SIGTERM
	if err := <-end; err != nil {
		t.Error(err)
	}
	fact(func(f session.Fact) bool {
		return !f.Up && strings.Contains(f.Reason, "bantam service start pppoe-wan")
	})
	if text, _ := os.ReadFile(filepath.Join(dir, "starts")); string(text) != "x\nbye\n" {
		t.Errorf("it was %q", text)
	}
	if options, _ := os.ReadFile(filepath.Join(dir, "options")); string(options) != config.Options("s3cr3t", scripts, channel) {
		t.Errorf("it reads %q", options)
	}
	if seen, _ := os.ReadFile(filepath.Join(dir, "seen")); !strings.Contains(string(seen), "pppd file /proc/self/fd/3\n") || strings.Contains(string(seen), "s3cr3t") {
		t.Errorf("it sees\n%s", seen)
	}
}
