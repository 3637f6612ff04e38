package firmware

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// xz reads what WriteLZMA writes: nothing, a byte, every byte, text, noise, and what makes carries run through many bytes.
func TestLZMAIsReadByXZ(t *testing.T) {
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("xz (Debian package xz-utils) is not there")
	}
	noise := make([]byte, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for claim, data := range map[string][]byte{
		"nothing": nil, "a byte": {0}, "the last byte": {0xFF}, "every byte": every, "text": []byte(strings.Repeat("a router ", 10_000)),
		"zeros": make([]byte, 100_000), "ones": bytes.Repeat([]byte{0xFF}, 100_000), "noise": noise,
	} {
		var packed bytes.Buffer
		if err := WriteLZMA(&packed, bytes.NewReader(data)); err != nil {
			t.Fatalf("%s: %v", claim, err)
		}
		if most := len(data) + len(data)/50 + 32; packed.Len() > most {
			t.Errorf("%s: %d bytes become %d, want at most %d", claim, len(data), packed.Len(), most)
		}
		cmd := exec.Command("xz", "--format=lzma", "-dc")
		cmd.Stdin = &packed
		got, err := cmd.Output()
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: xz gives %d bytes and %v, want the %d", claim, len(got), err, len(data))
		}
	}
	var packed bytes.Buffer
	if err := WriteLZMA(&packed, failing{strings.NewReader("data"), 2}); err == nil {
		t.Error("data that cannot be read are no error")
	}
}
