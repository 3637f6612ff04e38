package switcher

import (
	"bytes"
	"errors"
	"testing"
)

// A slow line has taken long for what is lost.
func TestAPowerCutTakesOneMegabyteAtMostOfWhatHasCome(t *testing.T) {
	d := newPowerDisk()
	inbox, err := openInbox(d, "/state")
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
	blob := Descriptor{Digest: DigestOf(data), Size: int64(len(data))}
	p := &parcel{blobs: map[Digest][]byte{blob.Digest: data}, cut: len(data) - 1}
	if err := inbox.Load(blob, p.open(blob.Digest), nil); !errors.Is(err, errLine) {
		t.Fatal(err)
	}
	if kept := len(d.find(inbox.blobPath(blob.Digest) + partEnding).dataOnDisk); kept < len(data)-1<<20-128<<10 {
		t.Errorf("%d of %d bytes are on the disk", kept, len(data))
	}
}
