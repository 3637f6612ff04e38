package compare

import (
	"bytes"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

func lines(s string) [][]byte { return Split([]byte(s)) }

func TestHunksAreTheFewestLinesThatExplainTheChange(t *testing.T) {
	for _, c := range []struct {
		claim, old, new string
		want            []Hunk
	}{
		{"two empty texts are equal", "", "", nil},
		{"equal texts have no hunk", "a\nb\n", "a\nb\n", nil},
		{"a line that came", "a\nc\n", "a\nb\nc\n", []Hunk{{1, 1, 1, 2}}},
		{"a line that went", "a\nb\nc\n", "a\nc\n", []Hunk{{1, 2, 1, 1}}},
		{"a changed line", "a\nb\nc\n", "a\nB\nc\n", []Hunk{{1, 2, 1, 2}}},
		{"everything came", "", "a\nb\n", []Hunk{{0, 0, 0, 2}}},
		{"everything went", "a\nb\n", "", []Hunk{{0, 2, 0, 0}}},
		{"a missing last line end is a change", "a\nb\n", "a\nb", []Hunk{{1, 2, 1, 2}}},
		{"two places far from each other", "1\n2\n3\n4\n5\n6\n", "one\n2\n3\n4\n5\nsix\n", []Hunk{{0, 1, 0, 1}, {5, 6, 5, 6}}},
	} {
		if got := Lines(lines(c.old), lines(c.new)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.claim, got, c.want)
		}
	}
}

// The old text with the hunks applied is the new one, and no shorter way was
// there: the lines left over are a longest common subsequence.
func TestHunksTurnAnyTextIntoAnyOther(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for round := range 3000 {
		old, new := random(r), random(r)
		a, b := lines(old), lines(new)
		var built []byte
		at, came, went := 0, 0, 0
		for _, h := range Lines(a, b) {
			for ; at < h.OldFrom; at++ {
				built = append(built, a[at]...)
			}
			built = append(built, bytes.Join(b[h.NewFrom:h.NewTo], nil)...)
			at = h.OldTo
			came, went = came+h.NewTo-h.NewFrom, went+h.OldTo-h.OldFrom
		}
		built = append(built, bytes.Join(a[at:], nil)...)
		if string(built) != new {
			t.Fatalf("round %d: %q with the hunks to %q is %q", round, old, new, built)
		}
		if kept := common(a, b); len(a)-went != kept || len(b)-came != kept {
			t.Fatalf("round %d: %q to %q: %d lines went and %d came, %d are common", round, old, new, went, came, kept)
		}
	}
}

func random(r *rand.Rand) string {
	var b strings.Builder
	for range r.Intn(12) {
		fmt.Fprintf(&b, "%d\n", r.Intn(4))
	}
	return b.String()
}

// common is the length of a longest common subsequence, by the book.
func common(a, b [][]byte) int {
	table := make([][]int, len(a)+1)
	table[0] = make([]int, len(b)+1)
	for i := range a {
		table[i+1] = make([]int, len(b)+1)
		for j := range b {
			table[i+1][j+1] = max(table[i][j+1], table[i+1][j])
			if bytes.Equal(a[i], b[j]) {
				table[i+1][j+1] = max(table[i+1][j+1], table[i][j]+1)
			}
		}
	}
	return table[len(a)][len(b)]
}

func TestTextsThatDifferInMostLinesAreOneHunk(t *testing.T) {
	var old, new strings.Builder
	old.WriteString("head\n")
	new.WriteString("head\n")
	for i := range 2 * most {
		fmt.Fprintf(&old, "old %d\n", i)
		fmt.Fprintf(&new, "new %d\n", i)
	}
	want := []Hunk{{1, 2*most + 1, 1, 2*most + 1}}
	if got := Lines(lines(old.String()), lines(new.String())); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Two long texts with many changes far from each other keep their equal lines.
func TestManyChangesInLongTextsAreToldApart(t *testing.T) {
	var old, new strings.Builder
	const rows, every = 60000, 7
	for i := range rows {
		fmt.Fprintf(&old, "line %d\n", i)
		if i%every == 0 {
			fmt.Fprintf(&new, "changed %d\n", i)
		} else {
			fmt.Fprintf(&new, "line %d\n", i)
		}
	}
	hunks := Lines(lines(old.String()), lines(new.String()))
	went := 0
	for _, h := range hunks {
		went += h.OldTo - h.OldFrom
	}
	if want := (rows + every - 1) / every; len(hunks) != want || went != want {
		t.Errorf("%d hunks with %d lines, want %d with one line each", len(hunks), went, want)
	}
}

func TestLongTextsWithoutACommonLineEndSoon(t *testing.T) {
	var old, new strings.Builder
	for i := range 100000 {
		fmt.Fprintf(&old, "old %d\n", i)
		fmt.Fprintf(&new, "new %d\n", i)
	}
	if got := Lines(lines(old.String()), lines(new.String())); len(got) != 1 {
		t.Errorf("%d hunks, want 1", len(got))
	}
}

// Where it settles on a way, the hunks still turn one text into the other.
func TestSettlingStaysRight(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for round := range 20 {
		var texts [2]strings.Builder
		for i := range texts {
			for range 1500 + r.Intn(1500) {
				fmt.Fprintf(&texts[i], "%d\n", r.Intn(900))
			}
		}
		a, b := lines(texts[0].String()), lines(texts[1].String())
		var built []byte
		at := 0
		for _, h := range Lines(a, b) {
			built = append(built, bytes.Join(a[at:h.OldFrom], nil)...)
			built = append(built, bytes.Join(b[h.NewFrom:h.NewTo], nil)...)
			at = h.OldTo
		}
		built = append(built, bytes.Join(a[at:], nil)...)
		if string(built) != texts[1].String() {
			t.Fatalf("round %d: the hunks lead elsewhere", round)
		}
	}
}
