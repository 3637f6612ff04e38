package control

import (
	"fmt"
	"strings"
)

// Boot is what starts the machine's kernel.
type Boot struct {
	Loader   string     `json:"loader"`          // e.g. grub, u-boot; fixed-image: one that starts what the image carries
	Slots    []BootSlot `json:"slots,omitempty"` // places for a kernel
	Tries    bool       `json:"tries"`           // it counts the attempts to start one
	Fallback bool       `json:"fallback"`        // and starts the other one when they are used up
	Why      string     `json:"why,omitempty"`   // it cannot do all of this here
}

// BootSlot is a place for a kernel.
type BootSlot struct {
	Name       string `json:"name"`            // A or B
	Booted     bool   `json:"booted"`          // the machine was started from it
	First      bool   `json:"first"`           // the next boot begins with it
	Good       bool   `json:"good"`            // its attempts are not counted
	Tries      int    `json:"tries"`           // else: those that are left
	Generation int    `json:"generation"`      // it was written for; 0: none that this machine has
	Empty      bool   `json:"empty"`           // nothing is in it
	Fault      string `json:"fault,omitempty"` // why it cannot be started
}

// line says it for a person.
func (b Boot) line() string {
	switch {
	case b.Loader == "fixed-image" && b.Why == "":
		return "the kernel of the image, no boot slots"
	case b.Loader == "fixed-image":
		return "the kernel of the image: " + b.Why
	}
	parts := []string{b.Loader}
	for _, s := range b.Slots {
		parts = append(parts, s.line())
	}
	text := strings.Join(parts, ", ")
	if b.Why != "" {
		text += "; " + b.Why
	}
	return text
}

func (s BootSlot) line() string {
	var is []string
	if s.Booted {
		is = append(is, "booted")
	}
	switch {
	case s.Empty:
		is = append(is, "empty")
	case s.Fault != "":
		is = append(is, s.Fault)
	default:
		if s.Generation != 0 {
			is = append(is, fmt.Sprintf("generation %d", s.Generation))
		}
		switch {
		case s.Good:
			is = append(is, "good")
		case s.Tries == 1:
			is = append(is, "1 try left")
		default:
			is = append(is, fmt.Sprintf("%d tries left", s.Tries))
		}
		if s.First && !s.Booted {
			is = append(is, "next")
		}
	}
	return fmt.Sprintf("slot %s (%s)", s.Name, strings.Join(is, ", "))
}
