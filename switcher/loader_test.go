package switcher

import (
	"errors"
	"strings"
	"testing"
)

func TestBootIDIsThatOfKernelAndSegmentsAlone(t *testing.T) {
	a := image(imageText)
	id := a.BootID()
	text := "kernel " + string(a.Kernel.Digest) + "\nsegment " + string(a.Initrd[0].Digest) + "\nsegment " + string(a.Initrd[1].Digest) + "\n"
	if want := DigestOf([]byte(text)); id != want {
		t.Errorf("%s, want %s", id, want)
	}
	if blobs := a.BootBlobs(); len(blobs) != 3 || blobs[0].Digest != a.Kernel.Digest || blobs[2].Digest != a.Initrd[1].Digest {
		t.Errorf("%+v", blobs)
	}
	for name, change := range map[string]func(*Generation){
		"kernel":  func(g *Generation) { g.Kernel.Digest = DigestOf(nil) },
		"segment": func(g *Generation) { g.Initrd[1].Digest = DigestOf(nil) },
		"order":   func(g *Generation) { g.Initrd[0], g.Initrd[1] = g.Initrd[1], g.Initrd[0] },
		"fewer":   func(g *Generation) { g.Initrd = g.Initrd[:1] },
	} {
		b := image(imageText)
		if change(&b); b.BootID() == id {
			t.Errorf("another %s, and the same identity", name)
		}
	}
	b := image(webText)
	b.Layers = []Descriptor{{MediaType: LayerType, Digest: DigestOf(nil)}}
	b.Kernel.Annotations = map[string]string{CmdlineAnnotation: "quiet"}
	if b.BootID() != id {
		t.Error("settings, layers or words for the kernel are no part of it")
	}
}

func TestAFixedImageHasNoSlotsAndSaysWhy(t *testing.T) {
	l := FixedImage{Why: "the medium is an ISO image"}
	slots, err := l.Slots()
	if len(slots) != 0 || err != nil || l.Capabilities().Slots != 0 {
		t.Errorf("%v %v", slots, err)
	}
	for _, err := range []error{l.Fits("B", Staging{}), l.Stage(t.Context(), "B", Staging{}), l.Extract(t.Context(), "B", nil, nil),
		l.Try("B", 3), l.MarkGood("B"), l.MarkBad("B")} {
		if !errors.Is(err, ErrNoSlots) || !strings.HasSuffix(err.Error(), ": the medium is an ISO image") {
			t.Error(err)
		}
	}
	if err := (FixedImage{}).Try("B", 1); !errors.Is(err, ErrNoSlots) {
		t.Error(err)
	}
}
