package pid1

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"bantam/init/control"
	"bantam/init/kmod"
	"bantam/panel"
)

// led is what a folder that stands for an LED of the kernel's says.
type led struct {
	t   *testing.T
	dir string
}

func newLED(t *testing.T, sys, name string) led {
	t.Helper()
	l := led{t, filepath.Join(sys, name)}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"max_brightness": "255\n", "brightness": "0", "trigger": "mmc0", "delay_on": "", "delay_off": ""} {
		if err := os.WriteFile(filepath.Join(l.dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l led) says(file string) string {
	text, err := os.ReadFile(filepath.Join(l.dir, file))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

func (l led) shows(when, trigger, brightness, on, off string) {
	l.t.Helper()
	got := [4]string{l.says("trigger"), l.says("brightness"), l.says("delay_on"), l.says("delay_off")}
	if want := [4]string{trigger, brightness, on, off}; got != want {
		l.t.Errorf("%s: trigger, brightness, on, off are %q, want %q", when, got, want)
	}
}

// waited has each change shown before the test goes on.
func waited(l *lights) func() {
	var running sync.WaitGroup
	l.start = func(f func()) { running.Go(f) }
	return running.Wait
}

func TestLEDsShowHowTheMachineIs(t *testing.T) {
	dir := t.TempDir()
	loaded := 0
	l := newLights(func(module string) error { loaded++; return errors.New("built in") })
	shown := waited(l)
	l.sys, l.tree = filepath.Join(dir, "leds"), filepath.Join(dir, "no tree")
	l.begin(panel.Panel{Status: "green:power", Fault: "red:fault"})
	shown()
	status, fault := newLED(t, l.sys, "green:power"), newLED(t, l.sys, "red:fault")
	status.shows("its driver has just come", "mmc0", "0", "", "")
	l.arrived(kmod.Event{Action: "add", Subsystem: "leds"})
	shown()
	status.shows("start", "timer", "0", "1000", "1000")
	fault.shows("start", "none", "0", "", "")
	l.set(func(s *panel.State) { s.Changing = false })
	shown()
	status.shows("proven", "none", "255", "1000", "1000")
	l.set(func(s *panel.State) { s.Writing = 1 })
	shown()
	status.shows("flash", "timer", "255", "100", "100")
	l.set(func(s *panel.State) { s.Writing, s.Faulty = 0, true })
	shown()
	status.shows("rolled back", "timer", "255", "100", "900")
	fault.shows("rolled back", "none", "255", "", "")
	if loaded != 1 {
		t.Errorf("the driver was loaded %d times, want once", loaded)
	}
	// What nobody has to change is not written again.
	if err := os.WriteFile(filepath.Join(status.dir, "trigger"), []byte("a person's"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.set(func(s *panel.State) { s.Faulty = true })
	shown()
	status.shows("no change", "a person's", "255", "100", "900")
}

// A second flash is told to wait for the first, and ends: the first goes on.
func TestAnLEDShowsThatTheFlashIsWrittenUntilNobodyDoes(t *testing.T) {
	l := newLights(func(string) error { return nil })
	shown := waited(l)
	l.sys = t.TempDir()
	status := newLED(t, l.sys, "green:power")
	l.begin(panel.Panel{Status: "green:power"})
	l.set(func(s *panel.State) { s.Changing = false })
	shown()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := control.Listen(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := &initProcess{lights: l}
	go control.Serve(listener, p.handle, func(_ string, f func()) { f() })
	writes := func() (end func()) {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		in := json.NewDecoder(conn)
		var f control.Frame
		if err = json.NewEncoder(conn).Encode(control.Request{Verb: "flash writing"}); err == nil {
			err = in.Decode(&f)
		}
		if err != nil || f.Last {
			t.Fatalf("%+v, %v", f, err)
		}
		return func() {
			conn.(*net.UnixConn).CloseWrite()
			for err == nil && !f.Last {
				err = in.Decode(&f)
			}
			if conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second := writes(), writes()
	shown()
	status.shows("both", "timer", "255", "100", "100")
	second()
	shown()
	status.shows("the second has ended", "timer", "255", "100", "100")
	first()
	shown()
	status.shows("both have", "none", "255", "100", "100")
}

func TestAKernelWhoseLEDsCannotBlinkLightsThem(t *testing.T) {
	l := newLights(func(string) error { return kmod.ErrUnknown })
	shown := waited(l)
	l.sys = t.TempDir()
	status := newLED(t, l.sys, "green:power")
	os.Remove(filepath.Join(status.dir, "trigger"))
	l.begin(panel.Panel{Status: "green:power"})
	shown()
	if got := status.says("brightness"); got != "255" {
		t.Errorf("brightness is %q, want 255", got)
	}
}

func TestADeviceTreeNamesTheLED(t *testing.T) {
	dir := t.TempDir()
	l := newLights(func(string) error { return nil })
	shown := waited(l)
	l.sys, l.tree = filepath.Join(dir, "leds"), filepath.Join(dir, "tree")
	for path, text := range map[string]string{
		"aliases/led-running":        "/leds/led@1\x00",
		"leds/led@1/color":           "\x00\x00\x00\x03",
		"leds/led@1/function":        "wlan\x00",
		"aliases/led-failsafe":       "/../../../../leds/led-2\x00",
		"leds/led-2/label":           "red:alarm\x00",
		"leds/led-2/linux,dont-care": "",
	} {
		path = filepath.Join(l.tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	status, fault, other := newLED(t, l.sys, "blue:wlan"), newLED(t, l.sys, "red:alarm"), newLED(t, l.sys, "green:status")
	l.begin(panel.Panel{})
	shown()
	status.shows("start", "timer", "0", "1000", "1000")
	fault.shows("start", "none", "0", "", "")
	other.shows("start", "mmc0", "0", "", "")
}

func TestAMachineWithoutLEDsTouchesNone(t *testing.T) {
	dir := t.TempDir()
	l := newLights(func(string) error { t.Error("a driver was loaded"); return nil })
	shown := waited(l)
	l.sys, l.tree = dir, filepath.Join(dir, "no tree")
	led := newLED(t, l.sys, "green:status")
	l.begin(panel.Panel{Reset: panel.KeyRestart})
	shown()
	l.arrived(kmod.Event{Action: "add", Subsystem: "leds"})
	shown()
	l.set(func(s *panel.State) { s.Faulty = true })
	shown()
	led.shows("always", "mmc0", "0", "", "")
}
