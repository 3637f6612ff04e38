package sparse

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"testing"
)

func sample(t testing.TB) Image {
	t.Helper()
	fs := make([]byte, 64*BlockSize)
	fs[1024], fs[5*BlockSize], fs[64*BlockSize-1] = 1, 2, 3
	s, err := Read(bytes.NewReader(fs), int64(len(fs)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnImageComesBackAsItWas(t *testing.T) {
	s := sample(t)
	if len(s.Used) != 3 || s.Used[5][0] != 2 || s.Used[63][BlockSize-1] != 3 {
		t.Errorf("got %d blocks that are not zero, want 0, 5 and 63", len(s.Used))
	}
	got, err := Unpack(s.Pack())
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("got %v, %v; want what was packed", got.order, err)
	}
	if n := len(s.Pack()); n > 3*BlockSize+100 {
		t.Errorf("packed it has %d bytes: zeros are stored", n)
	}
}

func TestADamagedImageIsRefused(t *testing.T) {
	good := sample(t).Pack()
	for i := 0; i < len(good); i += 97 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if _, err := Unpack(bad); err == nil {
			t.Errorf("a flipped bit in byte %d was accepted", i)
		}
	}
	for _, n := range []int{0, 7, 20, 51, len(good) - 1} {
		if _, err := Unpack(good[:n]); err == nil {
			t.Errorf("its first %d bytes were accepted", n)
		}
	}
	for _, size := range []int64{0, -BlockSize, BlockSize + 1, (maxBlocks + 1) * BlockSize} {
		if _, err := Read(bytes.NewReader(nil), size); err == nil {
			t.Errorf("a file system of %d bytes was accepted", size)
		}
	}
}

// FuzzUnpack signs what it is given, so that it gets past the checksum.
func FuzzUnpack(f *testing.F) {
	good := sample(f).Pack()
	f.Add(good[:len(good)-sha256.Size])
	f.Add(binary.LittleEndian.AppendUint32([]byte(magic), BlockSize))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		s, err := Unpack(append(bytes.Clone(body), sum[:]...))
		if err != nil {
			return
		}
		for i, b := range s.Used {
			if i < 0 || i >= s.Blocks || len(b) != BlockSize {
				t.Errorf("block %d of %d has %d bytes", i, s.Blocks, len(b))
			}
		}
	})
}
