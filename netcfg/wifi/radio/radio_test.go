package radio

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/netcfg/session"
	"bantam/netcfg/session/keep"
	"bantam/netcfg/wifi"
	"bantam/system"
)

// A radio from its coming to the end of the process, with a script in the place of its program.
func TestARadioFromItsComingToTheEnd(t *testing.T) {
	dir, stop := t.TempDir(), make(chan os.Signal, 1)
	port := filepath.Join(dir, "wlan0")
	if err := os.MkdirAll(port, 0o755); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(port+"/address", []byte("02:00:00:00:00:00\n"), 0o644)
	c := wifi.Config{Links: []wifi.Link{{Name: "wlan0", Wifi: system.Wifi{Mode: "ap", SSID: "house", Country: "DE", Band: "2.4", Channel: 1, Width: 20, Security: "wpa2", Passphrase: system.Value{Secret: "house"}}}}}
	program, word := filepath.Join(dir, "hostapd"), "short"
	script := "#!/bin/sh\ncd " + dir + "\necho \"$0 $@\" > seen; env >> seen; cat /proc/self/fd/3 > config\ntrap 'echo bye > ended; exit 0' TERM\necho wlan0: AP-ENABLED\nwhile true; do sleep 0.01; done\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	var k *keep.Keeper
	run := func() {
		k = keeper(c, port, func(string) string { return word })
		if k.Program != "/usr/sbin/hostapd" {
			t.Fatal(k.Program)
		}
		k.Program, k.Folder = program, dir
		go func(k *keep.Keeper) { end <- k.Run(stop) }(k)
	}
	fact := func(want func(session.Fact) bool) {
		t.Helper()
		for range 6000 {
			if want(session.Read(dir, "wlan0")) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("it is %+v", session.Read(dir, "wlan0"))
	}
	for _, tt := range []struct {
		change func()
		want   string
	}{
		{func() {}, "Wi-Fi: secret house is no passphrase: it has 5 bytes, and a passphrase has 8 to 63: `bantam secret set house`"},
		{func() { word = "s3cr3t-word" }, "Wi-Fi: wlan0 has no radio"},
	} {
		tt.change()
		run()
		fact(func(f session.Fact) bool { return f.Reason == "Wi-Fi: is being set up" })
		k.Events <- session.Below{There: true}
		fact(func(f session.Fact) bool { return f.Reason == tt.want })
		k.Events <- session.Below{There: false}
		fact(func(f session.Fact) bool { return f.Reason == "Wi-Fi: waiting for port wlan0" })
		stop <- syscall.SIGTERM
		if err := <-end; err != nil {
			t.Error(err)
		}
		fact(func(f session.Fact) bool {
			return !f.Up && strings.Contains(f.Reason, "bantam service start wifi-wlan0")
		})
	}
	os.WriteFile(port+"/phy80211", nil, 0o644)
	if text, err := k.Config(); err != nil || text != c.Hostapd(func(string) string { return word }, [6]byte{2}) {
		t.Errorf("%q %v", text, err)
	}

	// The radio comes, is an access point, and is pulled out.
	run()
	k.Events <- session.Below{There: true}
	fact(func(f session.Fact) bool { return f.Up && f.AP })
	if seen, _ := os.ReadFile(filepath.Join(dir, "seen")); !strings.Contains(string(seen), "hostapd /proc/self/fd/3\n") || strings.Contains(string(seen), "s3cr3t") {
		t.Errorf("it sees\n%s", seen)
	}
	if config, _ := os.ReadFile(filepath.Join(dir, "config")); !strings.Contains(string(config), "wpa_passphrase=s3cr3t-word\n") {
		t.Errorf("it reads %q", config)
	}
	k.Events <- session.Below{There: false}
	fact(func(f session.Fact) bool { return !f.Up && f.Reason == "Wi-Fi: waiting for port wlan0" })
	if _, err := os.Stat(filepath.Join(dir, "ended")); err != nil {
		t.Error("it was not asked to end")
	}
	stop <- syscall.SIGTERM
	if err := <-end; err != nil {
		t.Error(err)
	}
}
