package pid1

import (
	"encoding/binary"
	"math/bits"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/init/kmod"
	"bantam/panel"
)

// event is what the kernel writes for one.
func event(kind, code uint16, value int32) []byte {
	b := make([]byte, eventSize)
	binary.NativeEndian.PutUint16(b[eventSize-8:], kind)
	binary.NativeEndian.PutUint16(b[eventSize-6:], code)
	binary.NativeEndian.PutUint32(b[eventSize-4:], uint32(value))
	return b
}

// A pipe stands for each device of the kernel.
func TestButtonsAreReadWhereTheyMeanSomething(t *testing.T) {
	dir := t.TempDir()
	loads, acts := make(chan string, 10), make(chan panel.Action, 10)
	b := newButtons(func(module string) error { loads <- module; return kmod.ErrUnknown }, func(a panel.Action) { acts <- a }, func(bool) {})
	b.sys, b.dev = filepath.Join(dir, "class"), filepath.Join(dir, "dev")
	device := func(name, event, keys string) *os.File {
		t.Helper()
		input := filepath.Join(b.sys, name)
		for _, d := range []string{input + "/capabilities", input + "/id", input + "/" + event, b.dev} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for path, text := range map[string]string{"capabilities/key": keys, "id/bustype": "0019\n"} {
			if err := os.WriteFile(filepath.Join(input, path), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(b.dev, event)
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	power := "10000000000000 0\n"
	if bits.UintSize == 32 {
		power = "100000 0 0 0\n"
	}
	device("input0", "event0", "ffff\n") // a mouse
	b.arrived(kmod.Event{Action: "add", Subsystem: "input"})
	b.look()
	if len(b.open) != 0 || len(loads) != 0 {
		t.Fatalf("%d devices are open, %d modules loaded, without any button", len(b.open), len(loads))
	}
	f := device("input1", "event1", power)
	b.look()
	b.look()
	if len(b.open) != 1 || <-loads != evdev {
		t.Fatalf("%d devices are open, want 1", len(b.open))
	}
	f.Write(append(event(evKey, 30, 1), event(evSyn, 0, 0)...)) // another key
	f.Write(append(event(evKey, panel.KeyPower, 1), event(evKey, panel.KeyPower, 2)...))
	f.Write(event(evKey, panel.KeyPower, 0))
	f.Write(event(evKey, panel.KeyPower, 1))
	for range 2 {
		if got := <-acts; got != panel.PowerOff {
			t.Errorf("the power button asks for %q", got)
		}
	}
	f.Write(event(evSyn, synDropped, 0)) // how the keys are now the kernel says; nothing of a pipe is pressed
	f.Write(event(evKey, panel.KeyPower, 1))
	if got := <-acts; got != panel.PowerOff {
		t.Errorf("after lost events the power button asks for %q", got)
	}
}
