package layer

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

var hexA, hexB = strings.Repeat("0a", 32), strings.Repeat("b1", 32)

func TestAreaIsReadAsWritten(t *testing.T) {
	area := Area{{hexA, 0, 4096}, {hexB, 4096, 1}, {hexA, 8192, 5 << 30}}
	got, err := ReadArea(area.Encode())
	if err != nil || !slices.Equal(got, area) {
		t.Errorf("got %v, %v, want %v", got, err, area)
	}
	if got, err := ReadArea(nil); err != nil || len(got) > 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestBadAreas(t *testing.T) {
	for name, text := range map[string]string{
		"two words":           hexA + " 0\n",
		"four words":          hexA + " 0 1 2\n",
		"an empty line":       "\n",
		"a short digest":      hexA[2:] + " 0 1\n",
		"no digest":           strings.Repeat("xy", 32) + " 0 1\n",
		"upper case":          strings.ToUpper(hexA) + " 0 1\n",
		"no number":           hexA + " 0 1K\n",
		"a negative offset":   hexA + " -4096 1\n",
		"an empty layer":      hexA + " 0 0\n",
		"within a page":       hexA + " 512 1\n",
		"over each other":     hexA + " 0 4097\n" + hexB + " 4096 1\n",
		"not in order":        hexA + " 4096 1\n" + hexB + " 0 1\n",
		"behind all numbers":  hexA + " 9223372036854771712 4096\n",
		"too many":            manyLayers(mostLayers + 1),
		"a line without end":  strings.Repeat("x", 1<<20),
		"a number too large":  hexA + " 0 9223372036854775808\n",
		"blanks at the start": " " + hexA + " 0 1\n",
	} {
		if a, err := ReadArea([]byte(text)); err == nil {
			t.Errorf("%s: read as %v", name, a)
		}
	}
	if _, err := ReadArea([]byte(manyLayers(mostLayers))); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
}

func manyLayers(n int) string {
	var a Area
	for i := range n {
		a = append(a, Extent{hexA, int64(i) * AreaUnit, 1})
	}
	return string(a.Encode())
}

func FuzzReadArea(f *testing.F) {
	f.Add([]byte(hexA + " 0 4097\n" + hexB + " 8192 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := ReadArea(text)
		if err != nil {
			return
		}
		again, err := ReadArea(a.Encode())
		if err != nil || !bytes.Equal(again.Encode(), a.Encode()) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
