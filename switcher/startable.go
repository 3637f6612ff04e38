package switcher

import "fmt"

// When is for when a generation's start is asked for.
type When int

const (
	Now      When = iota // by a switch, or by the boot under way
	NextBoot             // by the next boot, of the kernel and initrd that the boot loader starts today
	InSlot               // by a boot of its own kernel, once the boot loader has that in another slot
)

// whenOf is when a verb has a generation started.
func whenOf(verb string) When {
	if verb == VerbBoot {
		return NextBoot
	}
	return Now
}

// startable says why g cannot be started.
func (s *Switcher) startable(g Generation, when When) error {
	booted := s.image.generation
	if g.Board != booted.Board || g.Arch != booted.Arch {
		return fmt.Errorf("it is for board %s (%s), this is %s (%s)", g.Board, g.Arch, booted.Board, booted.Arch)
	}
	slots := s.loader.Capabilities().Slots > 0
	if when == InSlot {
		if !slots {
			return noSlots(s.loader.Capabilities())
		}
		return nil
	}
	differs := g.otherKernel(booted)
	switch err := s.lackingLayer(g); {
	case err != nil:
		return err
	case differs == "":
		return nil
	case !slots:
		return fmt.Errorf("%s; %w", differs, noSlots(s.loader.Capabilities()))
	}
	return fmt.Errorf("%s; the boot loader %s has to start it", differs, s.loader.Name())
}

// otherKernel says how kernel and initrd differ from the booted ones; "": not at all.
func (g Generation) otherKernel(booted Generation) string {
	if g.Kernel.Digest != booted.Kernel.Digest {
		return fmt.Sprintf("it needs kernel %s (%s), booted is %s (%s)", g.KernelVersion(), g.Kernel.Digest, booted.KernelVersion(), booted.Kernel.Digest)
	}
	if a, b := g.initrd(), booted.initrd(); a != b {
		return fmt.Sprintf("it needs initrd segments %s (with kernel %s), booted are %s (with kernel %s)", a, g.KernelVersion(), b, booted.KernelVersion())
	}
	return ""
}

// initrd names the segments, for comparison and for people.
func (g Generation) initrd() string {
	text := ""
	for _, segment := range g.Initrd {
		text += " " + segment.Annotations[SegmentAnnotation] + "=" + string(segment.Digest)
	}
	return "[" + text[min(1, len(text)):] + "]"
}
