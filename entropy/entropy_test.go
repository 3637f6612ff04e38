package entropy

import (
	"bytes"
	"testing"
)

func TestAllOfItIsFilled(t *testing.T) {
	for _, size := range []int{0, 1, 32, 1000} { // the kernel may give more than 256 bytes in parts
		one, other := make([]byte, size), make([]byte, size)
		Fill(one)
		Fill(other)
		if size >= 32 && (bytes.Equal(one, other) || bytes.HasSuffix(one, make([]byte, 16))) {
			t.Errorf("%d bytes: %x, %x", size, one, other)
		}
	}
}
