package pid1

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/init/kmod"
	"bantam/panel"
)

// evdev is the driver that shows keys to programs. It serves every keyboard, so no device's name loads it: it is loaded where a key is
// that means something here, and when the machine has started.
const evdev = "evdev"

const (
	buttonsLatest = 5 * time.Second // after the consoles, until keys are listened to, however long the start takes
	mostButtons   = 16              // devices whose keys are listened to
)

// buttons are the devices with keys that mean something. A machine without any has neither a goroutine nor a file for them.
type buttons struct {
	load func(module string) error
	act  func(panel.Action)
	held func(bool) // told whether the reset button is held

	sys, dev string // /sys/class/input and /dev/input, replaced by tests

	mu    sync.Mutex
	keys  panel.Keys
	ready bool                  // it has looked for devices once; from then on those that come are told
	open  map[string]*keyDevice // by name, e.g. event0
	waits chan struct{}         // closed when the reset button is no longer held as it is; nil: it is not
}

func newButtons(load func(string) error, act func(panel.Action), held func(bool)) *buttons {
	return &buttons{load: load, act: act, held: held, sys: "/sys/class/input", dev: "/dev/input", open: map[string]*keyDevice{}}
}

// arrived is told of a device that the kernel has found.
func (b *buttons) arrived(e kmod.Event) {
	if e.Subsystem != "input" || e.Action != "add" {
		return
	}
	b.mu.Lock()
	ready := b.ready
	b.mu.Unlock()
	if ready {
		go Guard("buttons", b.look)
	}
}

// look opens the devices with keys that are wanted. What cannot be opened is told in the log.
func (b *buttons) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = true
	b.each(panel.KeyPower, func(event string, wanted []uint16) {
		if err := b.listen(event, wanted); err != nil {
			Logf(Warning, "buttons: %v", err)
		}
	})
}

// resetHeld says whether the reset button is held now.
func (b *buttons) resetHeld() (held bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.each(b.keys.Reset, func(event string, _ []uint16) {
		d, err := openKeys(b.dev+"/"+event, 0, []uint16{b.keys.Reset})
		if err != nil {
			Logf(Warning, "buttons: %v", err)
			return
		}
		defer d.f.Close()
		held = held || len(d.down()) > 0
	})
	return held
}

// each finds the devices with keys that are wanted: the reset button's, and that of code. b.mu is held.
func (b *buttons) each(code uint16, found func(event string, wanted []uint16)) {
	inputs, err := filepath.Glob(b.sys + "/input*")
	if err != nil {
		return
	}
	loaded := false
	for _, input := range inputs {
		wanted := b.wanted(input, code)
		if len(wanted) == 0 {
			continue
		}
		if !loaded {
			if err := b.load(evdev); err != nil && !errors.Is(err, kmod.ErrUnknown) {
				Logf(Warning, "buttons: %v", err)
			}
			loaded = true
		}
		events, _ := filepath.Glob(input + "/event*")
		for _, event := range events {
			found(filepath.Base(event), wanted)
		}
	}
}

// wanted are the keys of a device that mean something: the reset button's, and that of code.
func (b *buttons) wanted(input string, code uint16) (codes []uint16) {
	keys, err := os.ReadFile(input + "/capabilities/key")
	if err != nil {
		return nil // it is gone again
	}
	id, _ := os.ReadFile(input + "/id/bustype")
	bus, _ := strconv.ParseUint(strings.TrimSpace(string(id)), 16, 16)
	has := panel.Capabilities(string(keys), bits.UintSize)
	for _, code := range []uint16{code, b.keys.Reset} {
		if !slices.Contains(codes, code) && b.keys.Wants(uint16(bus), code) && has(code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// listen reads the keys of a device until it is gone. b.mu is held.
func (b *buttons) listen(name string, wanted []uint16) error {
	if b.open[name] != nil || len(b.open) >= mostButtons {
		return nil
	}
	number, err := strconv.Atoi(strings.TrimPrefix(name, "event"))
	if err != nil {
		return nil // none of the kernel's
	}
	d, err := openKeys(b.dev+"/"+name, number, wanted)
	if err != nil {
		return err
	}
	for _, key := range d.down() {
		b.keys.Found(key)
	}
	b.open[name] = d
	go Guard("buttons", func() {
		defer b.closed(name, d)
		b.read(d)
	})
	return nil
}

func (b *buttons) closed(name string, d *keyDevice) {
	d.f.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, name)
	b.keys.Gone(d.number)
	b.arm()
}

func (b *buttons) read(d *keyDevice) {
	for {
		events, err := d.events()
		if err != nil {
			return
		}
		for _, e := range events {
			b.input(d, e)
		}
	}
}

func (b *buttons) input(d *keyDevice, e keyEvent) {
	b.mu.Lock()
	action := panel.Nothing
	switch {
	case e.lost():
		b.keys.Gone(d.number)
		for _, key := range d.down() {
			b.keys.Found(key)
		}
	case e.kind == evKey && e.value <= 1 && slices.Contains(d.wanted, e.code):
		action = b.keys.Input(boottime.Now(), panel.Key{Device: d.number, Code: e.code}, e.value == 1)
	}
	b.arm()
	b.mu.Unlock()
	if action != panel.Nothing {
		b.act(action)
	}
}

// arm has tick called when a button will have been held long enough. b.mu is held.
func (b *buttons) arm() {
	if b.waits != nil {
		close(b.waits)
		b.waits = nil
	}
	_, due, held := b.keys.Held()
	b.held(held)
	if held {
		over := make(chan struct{})
		b.waits = over
		go Guard("buttons", func() {
			select {
			case <-time.After(max(due-boottime.Now(), 0)):
				b.tick()
			case <-over:
			}
		})
	}
}

// tick asks the kernel first: on a busy machine the news that the button was let go may still wait to be read.
func (b *buttons) tick() {
	b.mu.Lock()
	if key, _, held := b.keys.Held(); held {
		d := b.open[fmt.Sprint("event", key.Device)]
		if d == nil || !slices.Contains(d.down(), key) {
			b.keys.Input(boottime.Now(), key, false)
		}
	}
	action := b.keys.Tick(boottime.Now())
	b.arm()
	b.mu.Unlock()
	if action != panel.Nothing {
		b.act(action)
	}
}

// keyDevice is one of /dev/input.
type keyDevice struct {
	f      *os.File
	number int
	wanted []uint16
	buffer [16 * eventSize]byte
}

// keyEvent is struct input_event of linux/input.h, without its time.
type keyEvent struct {
	kind, code uint16
	value      int32
}

// Of linux/input-event-codes.h, and EVIOCGKEY of linux/input.h for keyBytes: the bits that say "read" differ on MIPS, so they are taken from
// another ioctl of the same architecture.
const (
	evSyn      = 0
	evKey      = 1
	synDropped = 3
	eventSize  = int(unsafe.Sizeof(unix.Timeval{})) + 8
	keyBytes   = (0x2ff + 8) / 8
	eviocgkey  = unix.RNDGETENTCNT&0xE0000000 | keyBytes<<16 | 'E'<<8 | 0x18
)

// lost says that events came faster than they were read.
func (e keyEvent) lost() bool { return e.kind == evSyn && e.code == synDropped }

func openKeys(path string, number int, wanted []uint16) (*keyDevice, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &keyDevice{f: os.NewFile(uintptr(fd), path), number: number, wanted: wanted}, nil
}

// down are the wanted keys that are pressed now. The kernel drops the events that have led there.
func (d *keyDevice) down() (keys []panel.Key) {
	var state [keyBytes]byte
	raw, err := d.f.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, fd, eviocgkey, uintptr(unsafe.Pointer(&state)))
	})
	for _, code := range d.wanted {
		if state[code/8]>>(code%8)&1 != 0 {
			keys = append(keys, panel.Key{Device: d.number, Code: code})
		}
	}
	return keys
}

// events waits for some.
func (d *keyDevice) events() (list []keyEvent, err error) {
	n, err := d.f.Read(d.buffer[:])
	if err != nil {
		return nil, err
	}
	for at := 0; at+eventSize <= n; at += eventSize {
		tail := d.buffer[at+eventSize-8:]
		list = append(list, keyEvent{binary.NativeEndian.Uint16(tail), binary.NativeEndian.Uint16(tail[2:]), int32(binary.NativeEndian.Uint32(tail[4:]))})
	}
	return list, nil
}
