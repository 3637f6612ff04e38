package slot

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everyState is all states with one serial.
func everyState() (list []State) {
	for _, order := range [][]string{{A}, {B}, {A, B}, {B, A}} {
		for a := range Good + 1 {
			for b := range Good + 1 {
				for _, seen := range []string{"", Unseen, A, B} {
					list = append(list, State{Order: order, LeftA: a, LeftB: b, Seq: 7, Seen: seen})
				}
			}
		}
	}
	return list
}

// forms are the two ways in which a state is written.
var forms = map[string]struct {
	encode func(State) ([]byte, error)
	parse  func([]byte) (State, error)
}{
	"GRUB":   {State.EncodeGRUB, ParseGRUB},
	"U-Boot": {State.EncodeUBoot, ParseUBoot},
}

func TestEveryStateIsReadAsWritten(t *testing.T) {
	for name, form := range forms {
		for _, s := range everyState() {
			b, err := form.encode(s)
			if err != nil || len(b) != StateSize {
				t.Fatalf("%s: %+v: %d bytes, %v", name, s, len(b), err)
			}
			if got, err := form.parse(b); err != nil || !got.Equal(s) {
				t.Errorf("%s: got %+v, %v, want %+v", name, got, err, s)
			}
		}
	}
	b, err := Delivered.EncodeGRUB()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/state.grub.golden", b)
}

func TestUnknownVariablesAreKept(t *testing.T) {
	list := []variable{{"note", `back\slash = "sign"`}, {seqKey, "4294967295"}, {leftBKey, "0"}, {leftAKey, "g"}, {"MIN_VER", "12"}, {orderKey, "A"}}
	for name, form := range forms {
		write := map[string]func(int, []variable) ([]byte, error){"GRUB": encodeBlock, "U-Boot": encodeEnvironment}[name]
		b, err := write(StateSize, list)
		if err != nil {
			t.Fatal(err)
		}
		s, err := form.parse(b)
		if err != nil || !slices.Equal(s.other, []variable{{"note", `back\slash = "sign"`}, {"MIN_VER", "12"}}) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if b, err = form.encode(s.Next()); err != nil {
			t.Fatal(err)
		}
		if again, err := form.parse(b); err != nil || !slices.Equal(again.other, s.other) || again.Seq != 0 {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
	}
}

func TestBadStates(t *testing.T) {
	good := []variable{{orderKey, "A B"}, {leftAKey, "g"}, {leftBKey, "3"}, {seqKey, "1"}}
	for claim, change := range map[string]func(v []variable) []variable{
		"a third slot":           func(v []variable) []variable { v[0].Value = "A B C"; return v },
		"a slot twice":           func(v []variable) []variable { v[0].Value = "A A"; return v },
		"no slot":                func(v []variable) []variable { v[0].Value = ""; return v },
		"two blanks":             func(v []variable) []variable { v[0].Value = "A  B"; return v },
		"too many tries":         func(v []variable) []variable { v[2].Value = "4"; return v },
		"a negative number":      func(v []variable) []variable { v[2].Value = "-1"; return v },
		"a word for tries":       func(v []variable) []variable { v[1].Value = "good"; return v },
		"no tries":               func(v []variable) []variable { v[1].Value = ""; return v },
		"a serial that is large": func(v []variable) []variable { v[3].Value = "4294967296"; return v },
		"a serial with a zero":   func(v []variable) []variable { v[3].Value = "01"; return v },
		"no serial":              func(v []variable) []variable { return v[:3] },
		"no order":               func(v []variable) []variable { return v[1:] },
	} {
		list := change(slices.Clone(good))
		block, err := encodeBlock(StateSize, list)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := ParseGRUB(block); err == nil {
			t.Errorf("%s: read from GRUB's block as %+v", claim, s)
		}
		environment, err := encodeEnvironment(StateSize, list)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := ParseUBoot(environment); err == nil {
			t.Errorf("%s: read from U-Boot's environment as %+v", claim, s)
		}
	}
	for _, s := range []State{{}, {Order: []string{"C"}}, {Order: []string{A, A}}, {Order: []string{A, B, A}}, {Order: []string{A}, LeftB: Good + 1}, {Order: []string{A}, Seen: "C"}} {
		if b, err := s.EncodeGRUB(); err == nil {
			t.Errorf("%+v is written as %s", s, b)
		}
	}
}

func TestDamagedBlocks(t *testing.T) {
	text := "BOOT_ORDER=A\nBOOT_A_LEFT=g\nBOOT_B_LEFT=0\nSEQ=0\n"
	fill := func(s string) []byte {
		return append([]byte(s), bytes.Repeat([]byte("#"), max(StateSize-len(s), 0))...)
	}
	if _, err := ParseGRUB(fill(grubSignature + "# WARNING: edited\n" + text)); err != nil {
		t.Errorf("with a comment: %v", err)
	}
	for claim, block := range map[string][]byte{
		"zeros":              make([]byte, StateSize),
		"too short":          fill(grubSignature + text)[1:],
		"no signature":       fill("#" + grubSignature + text),
		"zeros for filling":  append([]byte(grubSignature+text), make([]byte, StateSize-len(grubSignature+text))...),
		"an unended line":    fill(grubSignature + text + "X=1"),
		"an empty line":      fill(grubSignature + text + "\n"),
		"a line without =":   fill(grubSignature + text + "X\n"),
		"a line with blanks": fill(grubSignature + text + " X=1\n"),
		"a name twice":       fill(grubSignature + text + "SEQ=0\n"),
		"half a backslash":   fill(grubSignature + text + `X=\` + "\n"),
		"a bell":             fill(grubSignature + text + "X=\a\n"),
	} {
		if s, err := ParseGRUB(block); err == nil {
			t.Errorf("%s: read as %+v", claim, s)
		}
	}
}

func TestEveryFlippedBitOfAnEnvironmentIsFound(t *testing.T) {
	b, err := Delivered.EncodeUBoot()
	if err != nil {
		t.Fatal(err)
	}
	eachFlip(b, func(bit int, flipped []byte) {
		if s, err := ParseUBoot(flipped); err == nil {
			t.Errorf("bit %d: read as %+v", bit, s)
		}
	})
}

func TestMerge(t *testing.T) {
	state := func(order string, a, b Left, seq uint32) State {
		return State{Order: strings.Split(order, " "), LeftA: a, LeftB: b, Seq: seq}
	}
	for _, c := range []struct {
		claim          string
		one, two, want State
	}{
		{"the same", state("A", Good, 0, 1), state("A", Good, 0, 1), state("A", Good, 0, 1)},
		{"the newer counts", state("A", Good, 0, 1), state("B A", Good, 3, 2), state("B A", Good, 3, 2)},
		{"also if it comes first", state("B A", Good, 3, 2), state("A", Good, 0, 1), state("B A", Good, 3, 2)},
		{"serials wrap", state("A", Good, 0, 1<<32-1), state("B A", Good, 3, 0), state("B A", Good, 3, 0)},
		{"the loader has counted in the second alone", state("B A", Good, 3, 2), state("B A", Good, 2, 2), state("B A", Good, 2, 2)},
		{"the loader has counted in the first alone", state("B A", Good, 1, 2), state("B A", Good, 2, 2), state("B A", Good, 1, 2)},
		{"what is good is more than any tries", state("B A", Good, Good, 2), state("B A", Good, 2, 2), state("B A", Good, 2, 2)},
	} {
		if got := Merge(c.one, c.two); !got.Equal(c.want) {
			t.Errorf("%s: got %+v, want %+v", c.claim, got, c.want)
		}
	}
	seen, unseen := Delivered, Delivered
	seen.Seen = A
	for _, two := range [][2]State{{seen, unseen}, {unseen, seen}, {seen, seen}} {
		if got := Merge(two[0], two[1]); !got.Equal(seen) {
			t.Errorf("a loader that has saved one copy: got %+v", got)
		}
	}
}

func TestStatesFollowEachOther(t *testing.T) {
	s := Delivered.WithLeft(B, MaxTries).Next()
	if s.First() != A || s.Left(B) != MaxTries || s.Left(A) != Good || s.Seq != 1 {
		t.Errorf("%+v", s)
	}
	if s = s.WithFirst(B); fmt.Sprint(s.Order) != "[B A]" || s.First() != B {
		t.Errorf("%+v", s)
	}
	if s = s.WithFirst(B).WithLeft(A, 0); fmt.Sprint(s.Order) != "[B A]" || s.LeftA != 0 {
		t.Errorf("%+v", s)
	}
	if s = s.WithFirst(Other(B)); fmt.Sprint(s.Order) != "[A B]" || Other(A) != B {
		t.Errorf("%+v", s)
	}
	if fmt.Sprint(Delivered.Order) != "[A]" || (State{}).First() != "" {
		t.Errorf("%+v", Delivered)
	}
}

func FuzzGRUB(f *testing.F)  { fuzzState(f, "GRUB") }
func FuzzUBoot(f *testing.F) { fuzzState(f, "U-Boot") }

// fuzzState: what is read is written so that it is read as the same.
func fuzzState(f *testing.F, name string) {
	form := forms[name]
	for _, s := range everyState() {
		b, err := form.encode(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := form.parse(b)
		if err != nil {
			return
		}
		again, err := form.encode(s)
		if err != nil {
			t.Fatalf("%q is read and cannot be written: %v", b, err)
		}
		if got, err := form.parse(again); err != nil || !got.Equal(s) {
			t.Errorf("%+v became %+v, %v", s, got, err)
		}
	})
}
