package board

import (
	"slices"
	"strconv"
	"strings"

	"bantam/panel"
	"bantam/spelling"
	"bantam/system/syntax"
)

// LEDs are those of the case, by the names that /sys/class/leds has for them.
type LEDs struct {
	Status string   `toml:"status" json:"status,omitempty"` // shows how the machine is
	Fault  string   `toml:"fault" json:"fault,omitempty"`   // lit beside it while something is wrong
	Others []string `toml:"others" json:"others,omitempty"` // that Bantam leaves alone
}

// Buttons are those of the case, by the names of their keys in linux/input-event-codes.h, which the device tree has as linux,code.
type Buttons struct {
	Reset  string   `toml:"reset" json:"reset,omitempty"`   // held at the start: failsafe; for ten seconds: factory reset
	Others []string `toml:"others" json:"others,omitempty"` // for people: which there are, and what they do
}

// keyCodes are the keys that device trees give to buttons of cases.
var keyCodes = map[string]uint16{
	"BTN_0": 0x100, "BTN_1": 0x101, "BTN_2": 0x102, "BTN_3": 0x103, "BTN_4": 0x104, "BTN_5": 0x105,
	"KEY_ENTER": 28, "KEY_POWER": panel.KeyPower, "KEY_SETUP": 141, "KEY_WLAN": 238, "KEY_RFKILL": 247, "KEY_PROG1": 148, "KEY_PROG2": 149, "KEY_CONFIG": 171,
	"KEY_RESTART": panel.KeyRestart, "KEY_VENDOR": 0x168, "KEY_OK": 0x160, "KEY_WPS_BUTTON": 0x211,
}

// Panel is what a device of the board is told of its case.
func (b Board) Panel() panel.Panel {
	return panel.Panel{Status: b.LEDs.Status, Fault: b.LEDs.Fault, Reset: keyCodes[b.Buttons.Reset]}
}

// PanelModules are those that LEDs and buttons want, beside their own drivers; a kernel may have them built in, or not.
func (b Board) PanelModules() (names []string) {
	if b.LEDs.Status != "" {
		names = append(names, "ledtrig_timer")
	}
	if b.Buttons.Reset != "" {
		names = append(names, "evdev")
	}
	return names
}

// checkPanel finds what cannot be of LEDs and buttons.
func (r *reader) checkPanel(root *syntax.Node) {
	leds, keys := root.Get("leds"), root.Get("buttons")
	if leds != nil && !leds.Bad {
		l := r.board.LEDs
		for key, name := range map[string]string{"status": l.Status, "fault": l.Fault} {
			if n := leds.Get(key); n != nil && !n.Bad && (name == "" || strings.ContainsAny(name, "/ \x00") || strings.HasPrefix(name, ".")) {
				r.fail(n.At, "as /sys/class/leds has it, e.g. \"green:power\"", "leds.%s: %q is no LED", key, name)
			}
		}
		if l.Fault != "" && l.Fault == l.Status {
			r.fail(leds.Get("fault").At, "remove it: the status LED shows that, too", "leds.fault: %q is the status LED", l.Fault)
		}
	}
	if keys == nil || keys.Bad {
		return
	}
	if n := keys.Get("reset"); n != nil && !n.Bad && keyCodes[r.board.Buttons.Reset] == 0 {
		var names []string
		for name := range keyCodes {
			names = append(names, name)
		}
		slices.Sort(names)
		advice := "it may be " + strings.Join(names, ", ")
		if near := spelling.Nearest(r.board.Buttons.Reset, names); near != "" {
			advice = "did you mean " + strconv.Quote(near) + "?"
		}
		r.fail(n.At, advice, "buttons.reset: %q is no key of a button", r.board.Buttons.Reset)
	}
}
