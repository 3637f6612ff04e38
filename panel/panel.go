// Package panel is what a case has for who stands before it: buttons and LEDs. What a key asks for and what an LED shows is decided
// here, from values; who reads keys and sets LEDs is PID 1.
package panel

import (
	"encoding/json"
	"fmt"
)

// Path is where an image tells its device of them.
const Path = "/bantam/panel"

// Panel is what a device has to know.
type Panel struct {
	Status string `json:"status,omitempty"` // the LED that shows how the machine is, as /sys/class/leds calls it; "": see Choose
	Fault  string `json:"fault,omitempty"`  // one that is lit beside it while something is wrong; "": there is none
	Reset  uint16 `json:"reset,omitempty"`  // code of the reset button's key; 0: there is none
}

// IsZero tells a board of which nobody has said anything.
func (p Panel) IsZero() bool { return p == Panel{} }

// Encode is the text at Path.
func (p Panel) Encode() []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // text and numbers have a form
	}
	return text
}

// Parse reads it.
func Parse(text []byte) (p Panel, err error) {
	if err := json.Unmarshal(text, &p); err != nil {
		return Panel{}, fmt.Errorf("%s: %w", Path, err)
	}
	return p, nil
}
