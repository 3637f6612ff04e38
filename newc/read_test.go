package newc

import (
	"bytes"
	"testing"
)

func TestAnArchiveIsReadAsItWasPacked(t *testing.T) {
	files := []File{{Path: "a/b", Mode: 0o644, Data: []byte("12345")}, {Path: "a/c", Mode: 0o644, Data: nil}, {Path: "z", Mode: 0o644, Data: bytes.Repeat([]byte("x"), 1000)}}
	archive, err := Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	got, rest := map[string]string{}, append(archive, "what follows"...)
	for {
		path, data, behind, ok := Next(rest)
		if !ok {
			break
		}
		got[path], rest = string(data), behind
	}
	if len(got) != 4 || got["a"] != "" || got["a/b"] != "12345" || got["a/c"] != "" || len(got["z"]) != 1000 {
		t.Errorf("%q", got)
	}
	for cut := range archive { // nothing panics, and what is not all there is not given
		path, data, _, ok := Next(archive[:cut])
		if ok && (path != "a" || len(data) > 0) {
			t.Errorf("of %d bytes: %q, %q", cut, path, data)
		}
	}
}

func FuzzNext(f *testing.F) {
	archive, err := Pack([]File{{Path: "a/b", Mode: 0o644, Data: []byte("12345")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(archive)
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 100 {
			_, _, rest, ok := Next(b)
			if !ok {
				return
			}
			if len(rest) >= len(b) {
				t.Fatal("it does not advance")
			}
			b = rest
		}
	})
}
