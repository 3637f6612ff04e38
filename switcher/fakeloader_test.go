package switcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// fakeMedium is what a boot loader finds on a disk: the state of the slots, and what they hold.
type fakeMedium struct {
	order []string
	left  map[string]int // alwaysGood: not counted
	slots map[string]fakeSlot
}

const alwaysGood = -1

// twoSlots is what a boot loader with all of it can do.
var twoSlots = LoaderCapabilities{Slots: 1, Tries: true, KernelFallback: true, SlotSize: 1000}

// fakeSlot is one slot: whole, or with a header alone, or without.
type fakeSlot struct {
	generation Generation
	text       string
	header     bool
	damaged    bool // its sums do not fit
}

// deliveredMedium is that of a new image.
func deliveredMedium(g Generation, text string) fakeMedium {
	return fakeMedium{[]string{"A", "B"}, map[string]int{"A": alwaysGood, "B": 0}, map[string]fakeSlot{"A": {g, text, true, false}, "B": {}}}
}

func (m fakeMedium) clone() fakeMedium {
	return fakeMedium{slices.Clone(m.order), maps.Clone(m.left), maps.Clone(m.slots)}
}

func (m fakeMedium) String() string {
	text := fmt.Sprint(m.order, m.left)
	for _, name := range sortedKeys(m.slots) {
		s := m.slots[name]
		text += fmt.Sprintf(" %s:%v,%v,%s", name, s.header, s.damaged, s.generation.Digest().Short())
	}
	return text
}

// pick does what the boot loader does at a reset: it counts, and starts the first slot that it can. dead kernels take the
// machine down before PID 1.
func (m *fakeMedium) pick(dead map[Digest]bool) (slot string, resets int) {
	for resets = range 20 {
		slot = ""
		for _, name := range m.order {
			if m.left[name] == 0 {
				continue
			}
			if m.left[name] > 0 {
				m.left[name]--
			}
			if s := m.slots[name]; s.header && !s.damaged {
				slot = name
				break
			}
		}
		for _, name := range m.order {
			if s := m.slots[name]; slot == "" && s.header && !s.damaged {
				slot = name // without counting
			}
		}
		if slot == "" || !dead[m.slots[slot].generation.BootID()] {
			return slot, resets
		}
	}
	return "", resets
}

// fakeLoader is the boot loader of a machine that was started from a slot.
type fakeLoader struct {
	medium *fakeMedium
	booted string
	size   int64
	can    LoaderCapabilities
	after  func(op string)       // called after every write
	fault  func(op string) error // asked before
	hangs  chan struct{}         // its disk answers when that is closed; nil: at once

	reads  []string // what was extracted, e.g. A init
	placed int      // how often Places was asked
}

func (l *fakeLoader) Name() string                     { return "fake" }
func (l *fakeLoader) Capabilities() LoaderCapabilities { return l.can }

func (l *fakeLoader) write(op string, do func()) error {
	if l.fault != nil {
		if err := l.fault(op); err != nil {
			return fmt.Errorf("boot slot %s: %w", op[strings.LastIndex(op, " ")+1:], err)
		}
	}
	do()
	if l.after != nil {
		l.after(op)
	}
	return nil
}

func (l *fakeLoader) Slots() ([]Slot, error) {
	if l.hangs != nil {
		<-l.hangs
	}
	var all []Slot
	for _, name := range sortedKeys(l.medium.slots) {
		on := l.medium.slots[name]
		s := Slot{Name: name, Booted: name == l.booted, First: l.medium.order[0] == name, Good: l.medium.left[name] == alwaysGood, Tries: max(l.medium.left[name], 0)}
		if on.header {
			s.Generation, s.Boot = on.generation.Digest(), on.generation.BootID()
		} else {
			s.Fault = "it holds nothing"
		}
		all = append(all, s)
	}
	return all, nil
}

func (l *fakeLoader) Fits(_ string, s Staging) error {
	need := int64(len(s.System))
	for _, b := range s.Generation.BootBlobs() {
		need += b.Size
	}
	if need > l.size {
		return fmt.Errorf("boot slots are too small by %d bytes", need-l.size)
	}
	return nil
}

func (l *fakeLoader) Stage(ctx context.Context, name string, s Staging) error {
	if name == l.booted {
		return ErrBootedSlot
	}
	err := l.write("invalidate "+name, func() { l.medium.slots[name] = fakeSlot{} })
	for _, b := range s.Generation.BootBlobs() {
		if err != nil {
			return err
		}
		r, fault := s.Blob(b.Digest)
		if fault != nil {
			return fault
		}
		data, fault := io.ReadAll(r)
		if err = errors.Join(fault, r.Close()); err == nil && DigestOf(data) != b.Digest {
			err = fmt.Errorf("%s holds %q", b.Digest, data)
		}
		s.Progress(1, int64(len(s.Generation.BootBlobs())))
		if err == nil {
			err = l.write("write "+name, func() {})
		}
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	return l.write("header "+name, func() { l.medium.slots[name] = fakeSlot{s.Generation, string(s.System), true, false} })
}

func (l *fakeLoader) Extract(_ context.Context, name string, blobs []Descriptor, store *Store) error {
	on := l.medium.slots[name]
	for _, b := range blobs {
		held := slices.ContainsFunc(on.generation.BootBlobs(), func(h Descriptor) bool { return h.Digest == b.Digest })
		if !held || !on.header || on.damaged {
			return fmt.Errorf("boot slot %s: it does not hold %s", name, b.Digest)
		}
		l.reads = append(l.reads, name+" "+b.Annotations[SegmentAnnotation])
		if _, err := store.PutBytes(bootBytes[b.Digest]); err != nil {
			return err
		}
	}
	return nil
}

// Places has each blob at as many sectors as it has bytes.
func (l *fakeLoader) Places(name string) (path string, offsets map[Digest]int64, err error) {
	l.placed++
	offsets = map[Digest]int64{}
	for _, b := range l.medium.slots[name].generation.BootBlobs() {
		offsets[b.Digest] = b.Size * 512
	}
	return "/dev/slot-" + name, offsets, nil
}

func (l *fakeLoader) other(name string) string {
	for _, other := range sortedKeys(l.medium.slots) {
		if other != name {
			return other
		}
	}
	return ""
}

// set changes tries and order in two writes.
func (l *fakeLoader) set(verb, name string, left int, first string) error {
	if l.medium.left[name] == left && l.medium.order[0] == first {
		return nil
	}
	err := l.write(verb+" left "+name, func() { l.medium.left[name] = left })
	if err != nil || first == "" {
		return err
	}
	return l.write(verb+" order "+name, func() {
		order := []string{first}
		if other := l.other(first); other != "" {
			order = append(order, other)
		}
		l.medium.order = order
	})
}

func (l *fakeLoader) Try(name string, tries int) error {
	return l.set("try", name, tries, name)
}
func (l *fakeLoader) MarkGood(name string) error { return l.set("good", name, alwaysGood, name) }
func (l *fakeLoader) MarkBad(name string) error  { return l.set("bad", name, 0, l.other(name)) }

// bootBytes are the blobs of the kernels of these tests.
var bootBytes = map[Digest][]byte{}

func bootBlob(mediaType, text string, annotations map[string]string) Descriptor {
	d := DigestOf([]byte(text))
	return Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(text)), Annotations: annotations}
}

func init() {
	for _, text := range []string{"kernel", "modules", "init", "kernel 2", "modules 2", "init 2", "kernel 3", "modules 3", "init 3", "kernel 6.12", "modules 6.12"} {
		bootBytes[DigestOf([]byte(text))] = []byte(text)
	}
}

// withKernel is a generation with kernel 1, which is image's, 2 or 3.
func withKernel(n int, text string) Generation {
	g := image(text)
	if n == 1 {
		return g
	}
	g.Kernel = bootBlob(KernelType, fmt.Sprint("kernel ", n), map[string]string{VersionAnnotation: fmt.Sprintf("6.%d.0-amd64", n)})
	g.Initrd = []Descriptor{
		bootBlob(InitrdType, fmt.Sprint("modules ", n), map[string]string{SegmentAnnotation: "modules"}),
		bootBlob(InitrdType, fmt.Sprint("init ", n), map[string]string{SegmentAnnotation: "init"}),
	}
	return g
}

// slotDevice is a machine with two boot slots, of which the first one was delivered.
type slotDevice struct {
	disk   *powerDisk
	medium fakeMedium
	m      *fakeMachine
	loader *fakeLoader
	s      *Switcher
	dead   map[Digest]bool       // kernels that take the machine down before PID 1
	after  func(op string)       // at every write to disk or slots
	fault  func(op string) error // of the slots
	offer  func(Offer) int       // at the next boot
	hand   string                // slot that a person has the boot loader start at the next boot

	check   func(t *testing.T, d *slotDevice) // after a cut of the power, when nothing changes any more; nil: none
	boots   int                               // of PID 1, by the last start
	results []Result
}

func newSlotDevice() *slotDevice {
	return &slotDevice{
		disk: newPowerDisk(), m: newFakeMachine(), dead: map[Digest]bool{},
		medium: deliveredMedium(image(imageText), imageText),
	}
}

// start switches the machine on, and again as often as it wants to reboot by itself.
func (d *slotDevice) start() error {
	d.results = nil
	for d.boots = 1; d.boots < 6; d.boots++ {
		slot, _ := d.medium.pick(d.dead)
		if slot == "" {
			return fmt.Errorf("no slot starts: %v", d.medium)
		}
		hand := d.hand != ""
		if hand {
			slot, d.hand = d.hand, ""
		}
		d.m.powerOff()
		on := d.medium.slots[slot]
		d.loader = &fakeLoader{medium: &d.medium, booted: slot, size: 1000, can: twoSlots, after: d.after, fault: d.fault}
		d.disk.after = d.after
		if err := d.wipe(on.generation); err != nil {
			return err
		}
		options := machineOptions("/state", d.m)
		options.Booted, options.Text, options.Loader = on.generation, []byte(on.text), d.loader
		options.Offer, d.offer, options.ByHand = d.offer, nil, hand
		var err error
		if d.s, err = open(d.disk, options); err != nil {
			return err
		}
		r := d.s.Boot(context.Background(), nil)
		if d.results = append(d.results, r); !r.Reboots {
			return nil
		}
	}
	return fmt.Errorf("it reboots for ever: %v\n%+v", d.medium, d.results)
}

// wipe is PID 1's part of a boot that throws away what the machine keeps.
func (d *slotDevice) wipe(booted Generation) error {
	due, err := dueWipe(d.disk, "/state", booted)
	if due == nil || err != nil {
		return err
	}
	names, err := d.disk.List("/state")
	if err != nil {
		return err
	}
	for _, name := range names {
		if stays, below := due.Stays(name); stays || below {
			continue
		}
		if err := d.disk.Remove("/state/" + name); err != nil {
			return err
		}
	}
	return due.Done()
}

// imports makes a generation of another kernel one of this machine's, as an import does.
func (d *slotDevice) imports(t *testing.T, g Generation, text string) int {
	t.Helper()
	for _, b := range g.BootBlobs() {
		if _, err := d.s.store.PutBytes(bootBytes[b.Digest]); err != nil {
			t.Fatal(err)
		}
	}
	to, err := d.s.add(target{generation: g, text: []byte(text)}, importVerb, nil)
	if err != nil {
		t.Fatal(err)
	}
	return to.number
}

func (d *slotDevice) mustStart(t *testing.T) {
	t.Helper()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
}

// runs says what the machine runs, from which slot.
func (d *slotDevice) runs() string {
	return fmt.Sprintf("%d from %s", d.s.Status().Running, d.loader.booted)
}

func (d *slotDevice) wantRuns(t *testing.T, want string) {
	t.Helper()
	if have := d.runs(); have != want {
		t.Fatalf("runs %s, want %s; %v\n%+v", have, want, d.medium, d.results)
	}
}

// startedSlots is a device after its first boot, with generation 1 of the image and generation 2 of another kernel in the store.
func startedSlots(t *testing.T) *slotDevice {
	t.Helper()
	d := newSlotDevice()
	d.mustStart(t)
	d.wantRuns(t, "1 from A")
	if n := d.imports(t, withKernel(2, webText), webText); n != 2 {
		t.Fatal(n)
	}
	return d
}
