package switcher

import (
	"bytes"
	"errors"
	"testing"
)

// A slow line has taken long for what is lost.
func TestAPowerCutTakesOneMegabyteAtMostOfWhatIsComing(t *testing.T) {
	d := newPowerDisk()
	inbox, err := openInbox(d, "/state")
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
	blob := Descriptor{Digest: DigestOf(data), Size: int64(len(data))}
	p := &parcel{blobs: map[Digest][]byte{blob.Digest: data}, cut: len(data) - 1}
	kept := func() int { return len(d.find(inbox.blobPath(blob.Digest) + partEnding).dataOnDisk) }
	err = inbox.Load(blob, p.open(blob.Digest), func(done int64) {
		if lost := int(done) - kept(); lost > durableEach+128<<10 {
			t.Errorf("%d of %d bytes are not on the disk", lost, done)
		}
	})
	if !errors.Is(err, errLine) {
		t.Fatal(err)
	}
	if kept() != p.cut {
		t.Errorf("once the line is broken %d of %d bytes are on the disk", kept(), p.cut)
	}
}
