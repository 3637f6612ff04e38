package switcher

import (
	"errors"
	"fmt"
)

// When is for when a generation's start is asked for.
type When int

const (
	Now      When = iota // by a switch, or by the boot under way
	NextBoot             // by the next boot, from a boot slot if it needs another kernel
)

// whenOf is when a request has a generation started.
func whenOf(r Request) When {
	if r.boots() {
		return NextBoot
	}
	return Now
}

// boots says whether nothing changes before the next boot.
func (r Request) boots() bool { return r.Verb == VerbBoot || r.Reboot }

// needsReboot is why a generation cannot be started by the kernel that runs, though a boot slot may start it.
type needsReboot struct{ differs string }

func (n needsReboot) Error() string { return n.differs }

// startable says why g cannot be started.
func (s *Switcher) startable(g Generation, when When) error {
	booted := s.image.generation
	if g.Board != booted.Board || g.Arch != booted.Arch {
		return fmt.Errorf("it is for board %s (%s), this is %s (%s)", g.Board, g.Arch, booted.Board, booted.Arch)
	}
	differs := g.otherKernel(booted)
	loader := s.loader.Capabilities()
	switch err := s.lackingLayer(g); {
	case err != nil:
		return err
	case differs == "":
		return nil
	case loader.Slots == 0:
		return fmt.Errorf("%s; %w", differs, noSlots(loader))
	case when == Now:
		return needsReboot{differs}
	case !loader.Tries:
		return fmt.Errorf("%s; the boot loader %s does not count tries here (%s), so that one that does not start would be tried for ever",
			differs, s.loader.Name(), loader.Why)
	case s.forgets:
		return fmt.Errorf("%s; there is no state volume here that would know after the reboot what is being tried", differs)
	}
	return nil
}

// withCommand is why a generation cannot be started now, and what starts it.
func withCommand(why error, verb string, number int) error {
	if !errors.As(why, new(needsReboot)) {
		return why
	}
	command := fmt.Sprintf("switch %d --reboot", number)
	switch verb {
	case VerbRollback:
		command = fmt.Sprintf("rollback %d --reboot", number)
	case VerbTest:
		command = fmt.Sprintf("boot %d", number)
	}
	return fmt.Errorf("%w; `bantam %s` puts that into the other boot slot and starts it", why, command)
}

// otherKernel says how kernel and initrd differ from the booted ones; "": not at all.
func (g Generation) otherKernel(booted Generation) string {
	if g.BootID() == booted.BootID() {
		return ""
	}
	if g.Kernel.Digest != booted.Kernel.Digest {
		return fmt.Sprintf("it needs kernel %s (%s), booted is %s (%s)", g.KernelVersion(), g.Kernel.Digest.Short(), booted.KernelVersion(), booted.Kernel.Digest.Short())
	}
	return fmt.Sprintf("it needs initrd segments %s (with kernel %s), booted are %s", g.initrd(), g.KernelVersion(), booted.initrd())
}

// initrd names the segments, for people.
func (g Generation) initrd() string {
	text := ""
	for _, segment := range g.Initrd {
		text += " " + segment.Annotations[SegmentAnnotation] + "=" + segment.Digest.Short()
	}
	return "[" + text[min(1, len(text)):] + "]"
}
