package layer

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestTheIndexIsReadFromTheEnd(t *testing.T) {
	for _, entries := range []int{0, 1, 30, 31, 32, 33, 5000} {
		var x Index
		for i := range entries {
			x = append(x, Entry{Path: fmt.Sprintf("usr/lib/%06d", i), Kind: RegularFile, Mode: 0o644, SHA256: fmt.Sprintf("%064d", i)})
		}
		image := append(make([]byte, 3*TailUnit), Tail(x)...)
		if len(image)%TailUnit != 0 {
			t.Errorf("%d entries: %d bytes", entries, len(image))
		}
		got, err := ReadTail(bytes.NewReader(image), int64(len(image)))
		if err != nil || !bytes.Equal(got.Encode(), x.Encode()) {
			t.Errorf("%d entries: %d, %v", entries, len(got), err)
		}
		for _, cut := range []int{1, tailMark, TailUnit, len(image) - 1} {
			if _, err := ReadTail(bytes.NewReader(image), int64(len(image)-cut)); err == nil {
				t.Errorf("%d entries, cut by %d: no error", entries, cut)
			}
		}
	}
	if _, err := ReadTail(bytes.NewReader(make([]byte, 9000)), 9000); !errors.Is(err, ErrNoIndex) {
		t.Error(err)
	}
}

func FuzzReadTail(f *testing.F) {
	f.Add(append(make([]byte, TailUnit), Tail(Index{{Path: "usr/x", Kind: Folder}})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = ReadTail(bytes.NewReader(data), int64(len(data)))
	})
}
