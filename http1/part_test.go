package http1

import "testing"

func TestPartsAreReadOrRefused(t *testing.T) {
	for text, want := range map[string]struct {
		start, total int64
		good         bool
	}{
		"bytes 5-9/10":   {5, 10, true},
		"bytes 5-9/*":    {5, -1, true},
		"bytes */10":     {-1, 10, true},
		"bytes 5-10/10":  {},
		"bytes 5-4/10":   {},
		"bytes 5/10":     {},
		"bytes -5/10":    {},
		"bytes 5-9":      {},
		"bytes +5-9/10":  {},
		"bytes 5-9/-1":   {},
		"bytes 5-9/ten":  {},
		"lines 5-9/10":   {},
		"bytes a-9/10":   {},
		"":               {},
		"bytes 5-9/1e99": {},
	} {
		start, total, err := (&Response{Fields: []Field{{"content-range", text}}}).Part()
		if start != want.start || total != want.total || (err == nil) != want.good {
			t.Errorf("%q: got %d of %d, %v, want %+v", text, start, total, err, want)
		}
	}
}

func FuzzPart(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Fuzz(func(t *testing.T, text string) {
		start, total, err := (&Response{Fields: []Field{{"Content-Range", text}}}).Part()
		if err == nil && (start < -1 || total < -1 || total >= 0 && start >= total) {
			t.Errorf("%q: %d of %d", text, start, total)
		}
	})
}
