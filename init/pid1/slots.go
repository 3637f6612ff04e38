package pid1

import (
	"time"

	"bantam/init/bootslot"
	"bantam/init/control"
	"bantam/slot"
	"bantam/switcher"
)

// slotsLimit is how long the disk may take to tell of its boot slots: a few sectors.
const slotsLimit = 5 * time.Second

// openMedium makes ready for the layers and finds the boot slots of the disk that the machine was started from. A disk that
// does not answer holds up nobody.
func (p *initProcess) openMedium() {
	p.machine.layers = p.newLayers()
	if p.failsafe != "" {
		p.bootLoader = failsafeLoader()
		return
	}
	defer p.chart.Span("boot slots")()
	if !p.chip.IsZero() && p.volume.Slots().Disk == "" {
		p.bootLoader = switcher.FixedImage{Why: "this board starts from its flash chip, to which a firmware with another kernel is written by `bantam flash`"}
		return
	}
	o := bootslot.Options{Slots: p.volume.Slots(), Generation: p.image.Digest(), Area: p.machine.layers.area}
	o.Booted, _ = p.cmdline.Get("bantam.slot")
	o.Loader, _ = p.cmdline.Get("bantam.loader")
	_, o.ByHand = p.cmdline.Get("bantam.hand")
	type found struct {
		loader switcher.BootLoader
		notes  []string
	}
	answer := make(chan found, 1)
	go Guard("boot slots", func() {
		loader, notes := bootslot.Open(o)
		answer <- found{loader, notes}
	})
	select {
	case f := <-answer:
		p.bootLoader = f.loader
		for _, n := range f.notes {
			p.notes.add("%s", n)
		}
	case <-time.After(slotsLimit):
		p.bootLoader = switcher.FixedImage{Why: o.Slots.Disk + " does not answer"}
		p.notes.add("boot slots: %s does not answer", o.Slots.Disk)
	}
}

// bootStatus is what can be said of a boot loader and its slots, with the numbers that generations have on this machine.
func bootStatus(l switcher.BootLoader, slots []switcher.Slot, err error, generations []switcher.Listed) control.Boot {
	can := l.Capabilities()
	b := control.Boot{Loader: l.Name(), Tries: can.Tries, Fallback: can.KernelFallback, Why: can.Why}
	if err != nil {
		b.Why = err.Error()
	}
	for _, s := range slots {
		t := control.BootSlot{Name: s.Name, Booted: s.Booted, First: s.First, Good: s.Good, Tries: s.Tries, Fault: s.Fault, Empty: s.Fault == slot.ErrEmpty.Error()}
		for _, g := range generations {
			if g.Digest == s.Generation {
				t.Generation = g.Number
			}
		}
		b.Slots = append(b.Slots, t)
	}
	return b
}
