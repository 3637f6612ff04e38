package panel

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// A State is all of a machine that its LED tells of.
type State struct {
	Held     bool // the reset button is held
	Writing  int  // how many programs write its flash, or are about to: whoever cuts the power now may lose it
	Changing bool // it starts, ends, or tries a generation that is not proven yet
	Faulty   bool // what runs is not what somebody wanted: failsafe, rescue, a generation that was left for another
}

// A Light is how an LED is driven: Off 0 is lit, On 0 is dark, else it blinks.
type Light struct{ On, Off time.Duration }

// What an LED shows. A person tells them apart without a clock: even and slow, even and fast, short flashes.
var (
	Lit   = Light{On: 1}
	Dark  = Light{Off: 1}
	Slow  = Light{time.Second, time.Second}
	Fast  = Light{100 * time.Millisecond, 100 * time.Millisecond}
	Flash = Light{100 * time.Millisecond, 900 * time.Millisecond}
)

// Blinks says whether it does.
func (l Light) Blinks() bool { return l.On > 1 && l.Off > 1 }

// Status is what the status LED shows. Where several things are so, it tells of what a person must not disturb.
func (s State) Status() Light {
	switch {
	case s.Writing > 0:
		return Fast
	case s.Held:
		return Dark // the press has been noticed
	case s.Changing:
		return Slow
	case s.Faulty:
		return Flash
	}
	return Lit
}

// Fault is what the LED for faults shows.
func (s State) Fault() Light {
	if s.Faulty {
		return Lit
	}
	return Dark
}

// aliases are what a device tree calls its LEDs of each purpose, the best first. They are OpenWrt's.
var aliases = struct{ status, fault []string }{[]string{"led-running", "led-boot", "led-upgrade"}, []string{"led-failsafe"}}

// functions are the last words of names of LEDs that show how a machine is, the best first.
var functions = []string{"status", "system", "power", "pwr"}

// Choose takes the LEDs of a board of which nobody has said which they are: those that its device tree names, else one of names, which are
// all that there are, by its last word. alias gives the LED that an alias of the device tree leads to, "" if none.
func Choose(names []string, alias func(string) string) (status, fault string) {
	for _, a := range aliases.status {
		if status = alias(a); status != "" {
			break
		}
	}
	for _, a := range aliases.fault {
		if fault = alias(a); fault == status {
			fault = ""
		}
	}
	if status != "" {
		return status, fault
	}
	for _, f := range functions {
		for _, name := range names {
			if name[strings.LastIndexByte(name, ':')+1:] == f {
				return name, fault
			}
		}
	}
	return "", fault
}

// NodeName is what the kernel calls the LED of a node of the device tree, of which property gives the text: its label, else color and
// function, else the node's name.
func NodeName(node string, property func(string) string) string {
	if label := property("label"); label != "" {
		return label
	}
	function := property("function")
	if function == "" && property("color") == "" {
		return node
	}
	color := ""
	if number := property("color"); len(number) == 4 && int(number[3]) < len(colors) && number[:3] == "\x00\x00\x00" {
		color = colors[number[3]]
	}
	if number := property("function-enumerator"); len(number) == 4 && function != "" {
		function += "-" + strconv.Itoa(int(binary.BigEndian.Uint32([]byte(number))))
	}
	return color + ":" + function
}

// colors are those of dt-bindings/leds/common.h.
var colors = []string{"white", "red", "green", "blue", "amber", "violet", "yellow", "ir", "multicolor", "rgb", "purple", "orange", "pink", "cyan", "lime"}
