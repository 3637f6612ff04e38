package panel

import (
	"strconv"
	"strings"
	"time"
)

// Codes of linux/input-event-codes.h.
const (
	KeyPower   = 116
	KeyRestart = 0x198
)

// An Action is what a key asks for.
type Action string

// What keys ask for.
const (
	Nothing      Action = ""
	PowerOff     Action = "poweroff"      // KEY_POWER was pressed
	FactoryReset Action = "factory reset" // the reset button was held for ResetTime
)

// ResetTime is how long the reset button has to be held.
const ResetTime = 10 * time.Second

// A Key is one of a device, which is told by any number.
type Key struct {
	Device int
	Code   uint16
}

// Keys are those of a machine that are pressed. What is pressed when its device comes asks for nothing until it was let go: who holds a
// button while the machine starts has said by that what he wants.
type Keys struct {
	Reset uint16 // the reset button; 0: the machine has none

	down  map[Key]bool
	held  Key           // the reset button that is pressed
	since time.Duration // and since when; 0: it is not
}

// Wants says whether a key of a device on such a bus (BUS_USB, ... of linux/input.h) means anything. A reset button is in the case: what
// comes by a cable or through the air must not have all settings thrown away.
func (k *Keys) Wants(bus, code uint16) bool {
	const usb, bluetooth = 3, 5
	return code == k.Reset && code != 0 && bus != usb && bus != bluetooth || code == KeyPower && code != k.Reset
}

// Found notes that a key was pressed when its device was met, or again when its events were lost.
func (k *Keys) Found(key Key) { k.set(key, true) }

func (k *Keys) set(key Key, down bool) {
	if k.down == nil {
		k.down = map[Key]bool{}
	}
	k.down[key] = down
	if !down {
		delete(k.down, key)
		if k.held == key {
			k.since = 0
		}
	}
}

// Input is one event of a key that is wanted. now is never 0.
func (k *Keys) Input(now time.Duration, key Key, down bool) Action {
	if down == k.down[key] {
		return Nothing
	}
	k.set(key, down)
	switch {
	case !down:
	case key.Code == k.Reset:
		if k.since == 0 {
			k.held, k.since = key, now
		}
	case key.Code == KeyPower:
		return PowerOff
	}
	return Nothing
}

// Gone forgets the keys of a device that was taken away, or all that is known of it.
func (k *Keys) Gone(device int) {
	for key := range k.down {
		if key.Device == device {
			k.set(key, false)
		}
	}
}

// Held is the reset button that is pressed, and when Tick is due; false: none is.
func (k *Keys) Held() (key Key, due time.Duration, held bool) {
	return k.held, k.since + ResetTime, k.since != 0
}

// Tick is called when Held is due. It asks once; who goes on holding asks for nothing more.
func (k *Keys) Tick(now time.Duration) Action {
	if k.since == 0 || now < k.since+ResetTime {
		return Nothing
	}
	k.since = 0
	return FactoryReset
}

// Capabilities reads /sys/class/input/inputN/capabilities/key: words of the kernel in hexadecimal, the highest first. It says of a code
// whether the device has that key.
func Capabilities(text string, wordBits int) func(code uint16) bool {
	words := strings.Fields(text)
	return func(code uint16) bool {
		at := len(words) - 1 - int(code)/wordBits
		if at < 0 {
			return false
		}
		word, err := strconv.ParseUint(words[at], 16, wordBits)
		return err == nil && word>>(int(code)%wordBits)&1 != 0
	}
}
