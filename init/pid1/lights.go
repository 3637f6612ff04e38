package pid1

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/kmod"
	"bantam/panel"
	"bantam/switcher"
)

// ledtrigTimer is the driver that has LEDs blink without a program.
const ledtrigTimer = "ledtrig_timer"

// lights are the LEDs by which the machine says how it is. One that has none costs a comparison for each device.
type lights struct {
	load func(module string) error

	sys, tree string // /sys/class/leds and /proc/device-tree, replaced by tests

	start func(f func()) // in a goroutine: a driver that hangs holds up nobody

	mu      sync.Mutex
	none    bool // it has none: neither its image nor a device tree tells of any
	state   panel.State
	changed bool // since show has begun
	shows   bool // show runs

	// Only show changes these.
	chosen  bool // panel is the image's; else it is looked for
	panel   panel.Panel
	shown   map[string]panel.Light
	trigger bool // the driver was loaded
}

func newLights(load func(string) error) *lights {
	return &lights{load: load, sys: "/sys/class/leds", tree: "/proc/device-tree", none: true, shown: map[string]panel.Light{},
		start: func(f func()) { go Guard("LED", f) }}
}

// begin is told what the image says of the case, once.
func (l *lights) begin(p panel.Panel) {
	if p.Status == "" {
		if _, err := os.Stat(l.tree); err != nil {
			return
		}
	}
	l.panel, l.chosen = p, p.Status != ""
	l.mu.Lock()
	l.none = false
	l.mu.Unlock()
	l.set(func(s *panel.State) { s.Changing = true })
}

// arrived is told of a device that the kernel has found.
func (l *lights) arrived(e kmod.Event) {
	if e.Subsystem == "leds" && e.Action == "add" {
		l.set(func(*panel.State) {})
	}
}

// set changes what the machine's LED tells of.
func (l *lights) set(change func(*panel.State)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
	if l.changed = true; l.none || l.shows {
		return
	}
	l.shows = true
	l.start(l.show)
}

// show drives the LEDs that are there and show something else, until nothing has changed meanwhile.
func (l *lights) show() {
	for {
		l.mu.Lock()
		state := l.state
		if l.shows, l.changed = l.changed, false; !l.shows {
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		if !l.chosen {
			l.panel.Status, l.panel.Fault = panel.Choose(l.names(), l.aliased)
		}
		l.drive(l.panel.Status, state.Status())
		l.drive(l.panel.Fault, state.Fault())
	}
}

func (l *lights) drive(name string, want panel.Light) {
	if have, is := l.shown[name]; name == "" || strings.Contains(name, "/") || is && have == want {
		return
	}
	dir := filepath.Join(l.sys, name)
	if _, err := os.Stat(dir); err != nil {
		return // its driver has still to come
	}
	l.shown[name] = want
	if want.Blinks() {
		if !l.trigger { // where it is built in there is no such module
			l.trigger = true
			_ = l.load(ledtrigTimer)
		}
		if l.write(dir, "trigger", "timer") == nil {
			l.tell(l.write(dir, "delay_on", milliseconds(want.On)), l.write(dir, "delay_off", milliseconds(want.Off)))
			return
		}
		want = panel.Lit // a kernel that cannot have it blink
	}
	brightness := "0"
	if want == panel.Lit {
		text, _ := os.ReadFile(dir + "/max_brightness")
		brightness = strings.TrimSpace(string(text))
	}
	_ = l.write(dir, "trigger", "none") // a kernel without triggers has no such file
	l.tell(l.write(dir, "brightness", brightness))
}

func (l *lights) tell(faults ...error) {
	if err := errors.Join(faults...); err != nil {
		Logf(Warning, "LED: %v", err)
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (l *lights) write(dir, file, text string) error {
	fd, err := unix.Open(dir+"/"+file, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_TRUNC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte(text))
		unix.Close(fd)
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: dir + "/" + file, Err: err}
	}
	return nil
}

// names are the LEDs that there are.
func (l *lights) names() (list []string) {
	found, _ := filepath.Glob(l.sys + "/*")
	for _, path := range found {
		list = append(list, filepath.Base(path))
	}
	return list
}

// aliased is the LED that an alias of the device tree leads to.
func (l *lights) aliased(alias string) string {
	path, err := os.ReadFile(l.tree + "/aliases/" + alias)
	if err != nil {
		return ""
	}
	node := filepath.Clean("/" + string(bytes.TrimRight(path, "\x00")))
	name, _, _ := strings.Cut(filepath.Base(node), "@")
	return panel.NodeName(name, func(property string) string {
		text, _ := os.ReadFile(l.tree + node + "/" + property)
		if property == "label" || property == "function" {
			text = bytes.TrimRight(text, "\x00")
		}
		return string(text)
	})
}

// fellBack says whether what runs is not what the last person wanted: a trial has failed, or the default was passed over.
func (p *initProcess) fellBack() bool {
	s := p.switcher.Status()
	return s.FailedTrial != 0 || s.Next != s.Default
}

// afterSwitch is what the LED tells of once a switch has ended.
func (p *initProcess) afterSwitch(s *panel.State, r switcher.Result) {
	s.Changing = r.Reboot || r.Reboots
	switch {
	case r.Exit == switcher.ExitReverted || r.Exit == switcher.ExitFailed:
		s.Faulty = true
	case r.Exit == switcher.ExitGood && r.Verb != switcher.VerbBoot:
		s.Faulty = p.failsafe != ""
	}
}
