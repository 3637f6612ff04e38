package bootslot

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"bantam/slot"
	"bantam/switcher"
)

func TestBlobsComeOutOfASlotAsTheyWereWritten(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	// What the manifest is called stands in a segment, too.
	s := m.staging(pattern("second kernel", 5000), "bantam/generation/manifest.json\x00", pattern("070701", 110)+"bantam/generation/manifest.json\x00...")
	if err := l.Stage(background, slot.B, s); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]switcher.Generation{slot.A: m.booted.Generation, slot.B: s.Generation} {
		store, err := switcher.OpenStore(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Extract(background, name, g.BootBlobs(), store); err != nil {
			t.Errorf("slot %s: %v", name, err)
		}
		path, at, err := l.Places(name)
		if err != nil || path != "/dev/vda" || len(at) != len(g.BootBlobs()) {
			t.Errorf("slot %s: its blobs lie on %s at %v, %v", name, path, at, err)
		}
		for _, d := range g.BootBlobs() {
			if got, err := store.Blob(d.Digest); err != nil || !bytes.Equal(got, m.blobs[d.Digest]) {
				t.Errorf("slot %s: blob %s: %v", name, d.Digest.Short(), err)
			}
			if !bytes.Equal(m.disk.b[at[d.Digest]:][:d.Size], m.blobs[d.Digest]) {
				t.Errorf("slot %s: blob %s does not lie at %d", name, d.Digest.Short(), at[d.Digest])
			}
		}
	}
	other := m.staging("x", "y").Generation
	store, err := switcher.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Extract(background, slot.B, other.BootBlobs(), store); !errors.Is(err, switcher.ErrBlobMissing) {
		t.Errorf("a blob that is not in it: %v", err)
	}
	ended, cancel := context.WithCancel(background)
	cancel()
	if err := l.Extract(ended, slot.B, s.Generation.BootBlobs(), store); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}

	m.disk.b[slotB*512+4*512] ^= 1 // the kernel
	err = l.Extract(background, slot.B, s.Generation.BootBlobs(), store)
	if blobs, _, _ := store.Garbage(nil); !errors.Is(err, switcher.ErrBlobCorrupt) || blobs != 0 {
		t.Errorf("a damaged blob: %v, %d blobs are in the store", err, blobs)
	}
}

func TestASlotWhoseGenerationIsNotFoundGivesNothing(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	s := m.second()
	if err := l.Stage(background, slot.B, s); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(m.disk.b[slotB*512:], []byte(`{"schemaVersion"`)) + slotB*512
	m.disk.b[at+40] ^= 1
	if _, _, err := l.Places(slot.B); err == nil || !strings.Contains(err.Error(), "does not name generation") {
		t.Errorf("a damaged manifest: %v", err)
	}
	for _, name := range []string{"C", slot.B} {
		clear(m.disk.b[slotB*512:][:512])
		_, _, err := l.Places(name)
		if err == nil || l.Extract(background, name, nil, nil) == nil {
			t.Errorf("slot %s: %v", name, err)
		}
	}
}
