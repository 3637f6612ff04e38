package kmod

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseEvent(t *testing.T) {
	for _, tt := range []struct {
		name, message string
		want          Event
		ok            bool
	}{
		{"a disk", "add@/devices/x/block/sda\x00ACTION=add\x00DEVPATH=/devices/x/block/sda\x00SUBSYSTEM=block\x00DEVNAME=sda\x00DEVTYPE=disk\x00SEQNUM=1\x00",
			Event{Action: "add", DevPath: "/devices/x/block/sda", Subsystem: "block", DevName: "sda", DevType: "disk"}, true},
		{"a port", "add@/devices/y/net/eth0\x00ACTION=add\x00DEVPATH=/devices/y/net/eth0\x00SUBSYSTEM=net\x00INTERFACE=eth0\x00",
			Event{Action: "add", DevPath: "/devices/y/net/eth0", Subsystem: "net", Interface: "eth0"}, true},
		{"a value with an equals sign", "add@/d\x00ACTION=add\x00DEVPATH=/d\x00MODALIAS=of:Na=b\x00",
			Event{Action: "add", DevPath: "/d", Modalias: "of:Na=b"}, true},
		{"udev's own", "libudev\x00\xfe\xed\xca\xfe", Event{}, false},
		{"without a path", "add@/d\x00ACTION=add\x00", Event{}, false},
		{"nothing", "", Event{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseEvent([]byte(tt.message))
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %+v, %v, want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte("add@/d\x00ACTION=add\x00DEVPATH=/d\x00MODALIAS=x\x00"))
	f.Add([]byte("@\x00=\x00\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if e, ok := ParseEvent(message); ok && (e.Action == "" || e.DevPath == "") {
			t.Errorf("accepted %q as %+v", message, e)
		}
	})
}

// The kernel repeats a device's event when asked to through sysfs. A process
// that sends the same bytes is not heard.
func TestListenerHearsTheKernelAlone(t *testing.T) {
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	forge(t, "add@/devices/forged\x00ACTION=add\x00DEVPATH=/devices/forged\x00MODALIAS=forged\x00")
	if err := os.WriteFile("/sys/devices/virtual/mem/null/uevent", []byte("add"), 0); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(10 * time.Second)
	for time.Now().Before(end) {
		if err := l.Wait(time.Until(end)); err != nil {
			t.Fatal(err)
		}
		for {
			e, ok, err := l.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if strings.Contains(e.DevPath, "forged") {
				t.Fatalf("believed a process: %+v", e)
			}
			if e.DevPath == "/devices/virtual/mem/null" {
				if e.Action != "add" || e.Subsystem != "mem" || e.DevName != "null" {
					t.Errorf("got %+v", e)
				}
				return
			}
		}
	}
	t.Error("the kernel's event did not come")
}

func forge(t *testing.T, message string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte(message), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		t.Fatalf("sendto: %v", err)
	}
}

// A real device's event, repeated by the kernel, loads the module that claims it.
func TestHotplugLoadsTheDriverOfAnEvent(t *testing.T) {
	dir, alias := someDevice(t)
	x := index(t, "kernel/driver.ko:\n", "alias "+alias+" driver\n", "", "")
	kernel := fake{}
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	loaded := make(chan Report, 1)
	noticed := false
	autoloader := &Autoloader{
		Loader: kernel.loader(x, DefaultOptions()), Listener: l,
		Notify: func(e Event) { noticed = noticed || "/sys"+e.DevPath == dir },
		Report: func(r Report) { loaded <- r },
	}
	for _, action := range []string{"remove", "add"} {
		if err := os.WriteFile(dir+"/uevent", []byte(action), 0); err != nil {
			t.Fatal(err)
		}
	}
	end := time.After(time.Minute)
	for {
		if err := autoloader.turn(); err != nil {
			t.Fatal(err)
		}
		select {
		case r := <-loaded:
			if !slices.Equal(r.Loaded, []string{"driver"}) || !noticed {
				t.Errorf("loaded %q, noticed %v", r.Loaded, noticed)
			}
			return
		case <-end:
			t.Fatalf("the event of %s loaded nothing", dir)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A device that comes and goes while its driver hangs in the kernel asks for it
// again and again; each request that went there would cost a thread for ever.
func TestADriverThatHangsIsAskedForOnce(t *testing.T) {
	dir, alias := someDevice(t)
	x := index(t, "kernel/driver.ko:\n", "alias "+alias+" driver\n", "", "")
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked, release, ended := make(chan bool, 100), make(chan bool), make(chan Report, 100)
	loader := (&fake{}).loader(x, DefaultOptions())
	loader.insert = func(string, string) error {
		asked <- true
		<-release
		return unix.EIO
	}
	autoloader := &Autoloader{Loader: loader, Listener: l, Report: func(r Report) { ended <- r }}
	comes := func() {
		t.Helper()
		if err := os.WriteFile(dir+"/uevent", []byte("add"), 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Wait(time.Minute), autoloader.turn()); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		comes()
	}
	<-asked
	select {
	case <-asked:
		t.Error("it was asked for again while it hung")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-ended
	comes() // it has failed and may be tried again
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Error("it was not asked for again after it had failed")
	}
}

// someDevice finds a device of this machine that has a modalias.
func someDevice(t *testing.T) (dir, alias string) {
	t.Helper()
	_ = filepath.WalkDir("/sys/devices", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "modalias" {
			return nil
		}
		dir, alias = filepath.Dir(path), strings.TrimSpace(read(path))
		if alias == "" || strings.ContainsAny(alias, "*?[\\") || !strings.Contains(read(dir+"/uevent"), "MODALIAS="+alias+"\n") {
			return nil
		}
		return fs.SkipAll
	})
	if alias == "" {
		t.Fatal("no device with a modalias below /sys/devices")
	}
	return dir, alias
}
