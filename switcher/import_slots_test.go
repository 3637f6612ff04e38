package switcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// slotsInMemory is a boot loader whose slots hold generations, to be looked at and copied from.
type slotsInMemory struct {
	FixedImage
	slots []Slot
	holds map[string]*parcel
	most  int64 // bytes of kernel and segments that a slot takes
	reads []string
}

func (l *slotsInMemory) Capabilities() LoaderCapabilities {
	return LoaderCapabilities{Tries: true, Slots: len(l.slots) - 1, SlotSize: l.most}
}

func (l *slotsInMemory) Slots() ([]Slot, error) { return l.slots, nil }

func (l *slotsInMemory) Fits(name string, s Staging) error {
	need := int64(len(s.System))
	for _, d := range s.Generation.BootBlobs() {
		need += d.Size
	}
	if need > l.most {
		return fmt.Errorf("boot slot %s is too small by %d bytes", name, need-l.most)
	}
	return nil
}

func (l *slotsInMemory) Extract(_ context.Context, name string, blobs []Descriptor, store *Store) error {
	for _, d := range blobs {
		l.reads = append(l.reads, name+" "+d.Annotations[SegmentAnnotation])
		if have, _, err := store.PutBlob(bytes.NewReader(l.holds[name].blobs[d.Digest])); err != nil || have != d.Digest {
			return errors.Join(err, ErrBlobCorrupt)
		}
	}
	return nil
}

// kernelParcel is the kit with another kernel and other modules, and the same device binary.
func kernelParcel(m *fakeMachine) *parcel {
	p := kitParcel(m)
	for d, text := range map[*Descriptor]string{&p.generation.Kernel: "kernel 6.12", &p.generation.Initrd[0]: "modules 6.12"} {
		d.Digest, d.Size = DigestOf([]byte(text)), int64(len(text))
		p.blobs[d.Digest] = []byte(text)
	}
	return p
}

// machineWithSlots is started from slot A; B is as it was delivered.
func machineWithSlots(t *testing.T) (*Switcher, *fakeMachine, *slotsInMemory) {
	s, m, _ := bootedMachine(t)
	booted := s.image.generation
	l := &slotsInMemory{most: 1000, holds: map[string]*parcel{"A": kitParcel(m)}, slots: []Slot{
		{Name: "A", Booted: true, Good: true, First: true, Generation: booted.Digest(), Boot: booted.BootID()},
		{Name: "B", Fault: "it is empty"}}}
	s.loader = l
	return s, m, l
}

func TestAnotherKernelComesWithoutWhatABootSlotHolds(t *testing.T) {
	s, m, l := machineWithSlots(t)
	p := kernelParcel(m)
	got, err := p.bring(s.disk, s)
	if err != nil || got.Number != 2 || !strings.HasPrefix(got.Kernel, "it needs kernel 6.1.0-40-amd64 (") {
		t.Fatalf("%+v, %v", got, err)
	}
	g := p.generation
	if want := []Digest{g.System.Digest, g.Kernel.Digest, g.Initrd[0].Digest, g.Layers[0].Digest}; !slices.Equal(p.asked, want) {
		t.Errorf("loaded %q, want %q", short(p.asked), short(want))
	}
	if !slices.Equal(l.reads, []string{"A init"}) {
		t.Errorf("read from slots: %q", l.reads)
	}
	for _, d := range g.Blobs() { // all that a slot has to be filled with
		if !s.store.HasBlob(d.Digest) {
			t.Errorf("the store lacks %s %s", d.MediaType, d.Digest.Short())
		}
	}
}

func TestASlotThatHoldsTheKernelAlreadyNeedsNoCopy(t *testing.T) {
	s, m, l := machineWithSlots(t)
	p := kernelParcel(m)
	l.slots[1] = Slot{Name: "B", Good: true, Generation: p.generation.Digest(), Boot: p.generation.BootID()}
	l.holds["B"] = p
	p.must(t, s)
	if want := []Digest{p.generation.System.Digest, p.generation.Layers[0].Digest}; !slices.Equal(p.asked, want) {
		t.Errorf("loaded %q, want %q", short(p.asked), short(want))
	}
	if len(l.reads) > 0 {
		t.Errorf("read from slots: %q", l.reads)
	}
	// Of a damaged one nobody knows what is left.
	l.slots[1].Fault = "its kernel is damaged"
	again := kernelParcel(m)
	if again.must(t, s); !slices.Contains(again.asked, p.generation.Kernel.Digest) {
		t.Errorf("loaded %q, the kernel is not among it", short(again.asked))
	}
}

func TestASlotThatIsTooSmallIsSaidBeforeAnythingIsLoaded(t *testing.T) {
	s, m, l := machineWithSlots(t)
	p := kernelParcel(m)
	need := int64(len(kitText) + len("kernel 6.12") + len("modules 6.12") + len("init"))
	l.most = need - 1
	if _, err := p.bring(s.disk, s); err == nil || err.Error() != "boot slot B is too small by 1 bytes" {
		t.Errorf("%v", err)
	}
	l.most = need
	p.must(t, s)
}

func TestASystemForAnotherBantamIsTakenWithThatBantam(t *testing.T) {
	s, m, _ := machineWithSlots(t)
	const text = "tomorrow = true\n"
	p := kernelParcel(m)
	p.generation.System = image(text).System
	p.blobs[p.generation.System.Digest] = []byte(text)
	p.must(t, s)
}

// Place makes l one that knows where blobs lie.
func (l *slotsInMemory) Place(slot string, d Descriptor) (path string, offset int64, err error) {
	return "/dev/slot-" + slot, d.Size * 512, nil
}

func TestAnExportNamesWhereEachBlobIs(t *testing.T) {
	s, m, _ := machineWithSlots(t)
	number := kitParcel(m).must(t, s)
	x, err := s.Export(number)
	if err != nil || x.Name != "pc" || string(x.Manifest) != string(kitParcel(m).generation.Manifest()) {
		t.Fatalf("%+v, %v", x, err)
	}
	var got []string
	for _, here := range x.Blobs {
		got = append(got, fmt.Sprintf("%s: %s+%d", here.Spoken(), strings.TrimPrefix(here.Path, s.store.blobDir()), here.Offset))
	}
	want := []string{"system.toml: /" + DigestOf([]byte(kitText)).Hex() + "+0", "kernel 6.1.0-40-amd64: /dev/slot-A+3072", "initrd segment modules: /dev/slot-A+3584",
		"initrd segment init: /dev/slot-A+2048", "package kit 1: /" + x.Blobs[4].Digest.Hex() + "+0"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.loader = FixedImage{}
	if x, err = s.Export(number); err != nil || x.Blobs[1].Path != "" || x.Blobs[1].Fault != errNowhere.Error() {
		t.Errorf("without slots: %+v, %v", x.Blobs[1], err)
	}
	if _, err := s.Export(99); err == nil {
		t.Error("a generation that is not there is exported")
	}
}
