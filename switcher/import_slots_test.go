package switcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

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
func machineWithSlots(t *testing.T) (*Switcher, *fakeMachine, *fakeLoader) {
	s, m, _ := bootedMachine(t)
	medium := deliveredMedium(s.image.generation, string(s.image.text))
	l := &fakeLoader{medium: &medium, booted: "A", size: 1000, can: twoSlots}
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
	l.medium.slots["B"] = fakeSlot{generation: p.generation, header: true}
	p.must(t, s)
	if want := []Digest{p.generation.System.Digest, p.generation.Layers[0].Digest}; !slices.Equal(p.asked, want) {
		t.Errorf("loaded %q, want %q", short(p.asked), short(want))
	}
	if len(l.reads) > 0 {
		t.Errorf("read from slots: %q", l.reads)
	}
	// Of a damaged one nobody knows what is left.
	l.medium.slots["B"] = fakeSlot{generation: p.generation}
	again := kernelParcel(m)
	if again.must(t, s); !slices.Contains(again.asked, p.generation.Kernel.Digest) {
		t.Errorf("loaded %q, the kernel is not among it", short(again.asked))
	}
}

func TestASlotThatIsTooSmallIsSaidBeforeAnythingIsLoaded(t *testing.T) {
	s, m, l := machineWithSlots(t)
	p := kernelParcel(m)
	need := int64(len(kitText) + len("kernel 6.12") + len("modules 6.12") + len("init"))
	l.size = need - 1
	if _, err := p.bring(s.disk, s); err == nil || err.Error() != "boot slots are too small by 1 bytes" {
		t.Errorf("%v", err)
	}
	l.size = need
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

func TestAnExportNamesWhereEachBlobIs(t *testing.T) {
	s, m, l := machineWithSlots(t)
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
	if l.placed != 1 {
		t.Errorf("slot A was looked through %d times", l.placed)
	}
	s.loader = FixedImage{}
	if x, err = s.Export(number); err != nil || x.Blobs[1].Path != "" || x.Blobs[1].Fault != errNowhere.Error() {
		t.Errorf("without slots: %+v, %v", x.Blobs[1], err)
	}
	if _, err := s.Export(99); err == nil {
		t.Error("a generation that is not there is exported")
	}
}
