package firmware

import (
	"errors"
	"io"
	"testing"
)

var errMedium = errors.New("input/output error")

// A failing source has bytes that cannot be read.
type failing struct {
	Source
	from int64
}

func (f failing) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) <= f.from {
		return f.Source.ReadAt(b, at)
	}
	n, _ := f.Source.ReadAt(b[:max(f.from-at, 0)], at)
	return n, errMedium
}

// A full writer takes so many bytes more.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	if f.room -= n; n < len(b) {
		return n, errMedium
	}
	return n, nil
}

// Wherever a medium fails, what reads all of it says so.
func TestAMediumThatFailsIsTold(t *testing.T) {
	for name, b := range exampleFiles(t) {
		size := int64(len(b))
		for from := int64(0); from < size; from += size/37 + 1 {
			var err error
			for _, d := range Identify(failing{source(b), from}) {
				err = errors.Join(err, d.Verify())
			}
			if err == nil {
				t.Errorf("%s, from byte %d of %d on: nothing is told", name, from, size)
			}
		}
	}
}

// Wherever writing or reading fails, a writer says so, with that error.
func TestAWriterThatFailsIsTold(t *testing.T) {
	data := noise(5000, 1)
	var broken Source
	for claim, write := range map[string]func(w io.Writer) error{
		"uImage": func(w io.Writer) error { return exampleUImage().Write(w, broken) },
		"FIT": func(w io.Writer) error {
			return FIT{Images: []FITImage{{Name: "a", Data: broken}}}.Write(w)
		},
		"FIT with data behind it": func(w io.Writer) error {
			return FIT{Images: []FITImage{{Name: "a", Data: broken}}, Align: 4096}.Write(w)
		},
		"UBI": func(w io.Writer) error {
			return UBI{UBIGeometry: small, Volumes: []UBIVolume{{Name: "a", Static: true, Blocks: 2, Data: broken}}}.Write(w)
		},
		"sysupgrade.tar": func(w io.Writer) error { s := SysupgradeTar{Board: "a", Root: broken}; return s.Write(w) },
		"TP-Link":        func(w io.Writer) error { return exampleTPLink().Write(w, source(data), broken, true) },
		"safeloader": func(w io.Writer) error {
			s := exampleSafeloader()
			s.Parts[3].Data = broken
			return s.Write(w)
		},
		"TRX": func(w io.Writer) error { return TRX{}.Write(w, source(data), broken) },
		"CHK": func(w io.Writer) error { return CHK{Board: "B"}.Write(w, broken, nil) },
		"DNI": func(w io.Writer) error { return DNI{Device: "D", Version: "1"}.Write(w, broken) },
		"trailer": func(w io.Writer) error {
			tw := NewTrailerWriter(w)
			if err := copySource(tw, broken); err != nil {
				return err
			}
			return tw.Trailer(Signature, data[:100])
		},
		"end marks": func(w io.Writer) error {
			return errors.Join(copySource(io.Discard, broken), WriteEndMarks(w, 5000, EraseBlocks...))
		},
	} {
		broken = source(data)
		var counted headOf
		if err := write(&counted); err != nil {
			t.Fatalf("%s: %v", claim, err)
		}
		for room := 0; room < int(counted.size); room += int(counted.size)/41 + 1 {
			if err := write(&full{room}); !errors.Is(err, errMedium) {
				t.Errorf("%s, after %d bytes: %v", claim, room, err)
			}
		}
		for _, from := range []int64{0, 1, 4095, 4999} {
			broken = failing{source(data), from}
			if err := write(io.Discard); !errors.Is(err, errMedium) {
				t.Errorf("%s, from byte %d on: %v", claim, from, err)
			}
		}
		if claim != "trailer" && claim != "end marks" { // which know no size
			broken = longer{source(data)}
			if err := write(io.Discard); err == nil {
				t.Errorf("%s: a source that is shorter than it says is written", claim)
			}
		}
	}
}

// A longer source says that it had more bytes.
type longer struct{ Source }

func (l longer) Size() int64 { return l.Source.Size() + 1 }
