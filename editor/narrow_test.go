package editor

import (
	"strings"
	"testing"

	"bantam/editor/screen"
	"bantam/editor/text"
)

func TestPromptsFitEverySize(t *testing.T) {
	for rows := 1; rows < 9; rows++ {
		for cols := 1; cols < 25; cols++ {
			for _, keys := range []string{"x<^X>", "<^F>a世b", "<^F>", "<^T>12345678901234567890123", "<^G>", "\x00"} {
				m := editing("one\ntwo\n")
				w := watch(m, screen.Terminal{Rows: rows, Cols: cols}, false)
				m.press(keys)
				w.draw(t, true, keys)
			}
		}
	}
}

func TestAQuestionThatDoesNotFitShowsItsChoices(t *testing.T) {
	m := editing("")
	w := watch(m, screen.Terminal{Rows: 5, Cols: 20}, false)
	m.choose("A question that is much too long: "+strings.Repeat("why, ", 20)+"r: take it, d: delete it", "rd", func(rune) {})
	w.draw(t, true, "the question")
	if got := w.vt.Text(); !strings.Contains(got, "[rd]") {
		t.Errorf("the screen is\n%s", got)
	}
}

func TestWhatIsSaidOnASmallScreenCanBeRead(t *testing.T) {
	read := func(w *watched) string { return strings.Join(strings.Fields(w.vt.Text()), " ") }
	for _, c := range []struct{ claim, say, ask, choice string }{
		{"a reason", "NOT saved: save /tmp/small/file: no space left on device", "", ""},
		{"a question", "", "Somebody else has changed the file. o: overwrite, c: compare, r: read it again, ^C: go on", "ocr"},
		{"a question for a line", "", "Bytes came that nobody types: noise on the line? Type yes to save: ", ""},
	} {
		m := editing("first line\nsecond\nthird\nfourth\nfifth\n")
		w := watch(m, screen.Terminal{Rows: 5, Cols: 20}, false)
		w.draw(t, true, "before")
		want := c.say + c.ask
		switch {
		case c.say != "":
			m.say("%s", c.say)
		case c.choice != "":
			m.choose(c.ask, c.choice, func(rune) {})
		default:
			m.ask(c.ask, nil, func(string) {})
			m.press("ye")
			want += "ye"
		}
		w.draw(t, true, c.claim)
		if got := read(w); !strings.Contains(strings.ReplaceAll(got, " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("%s: the screen is\n%s", c.claim, w.vt.Text())
		}
		m.press("<^C>x")
		w.draw(t, true, "after "+c.claim)
		if got := read(w); !strings.HasPrefix(got, "xfirst line second third fourth") {
			t.Errorf("after %s the screen is\n%s", c.claim, w.vt.Text())
		}
	}
}

// Bytes that take several columns: the columns of a line outrun its bytes.
func TestALongLineOfWideBytes(t *testing.T) {
	for _, of := range []string{"\xff", "\x00", "\t", "世"} {
		m := newModel([]*document{newDocument("test", text.Memory(strings.Repeat(of, 6000)+"\n"+strings.Repeat(of, 6000)))}, Options{})
		w := watch(m, screen.Terminal{Rows: 24, Cols: 80}, false)
		d := m.doc()
		for at := 0; at < 6000; at += 300 {
			d.moveTo(d.aligned(at))
			m.press("x") // something to find below the cursor
			m.press("<left>")
			w.draw(t, true, "moving")
			w.cursorIsRight(t, "moving")
			if row, col := w.vt.Cursor(); w.vt.CellAt(row, col) != "x" {
				t.Fatalf("%q at %d: the cursor is on %q\n%s", of, at, w.vt.CellAt(row, col), w.vt.Text())
			}
		}
	}
}

func TestAWordMotionEndsInATextWithoutWords(t *testing.T) {
	m := editing(strings.Repeat("\x00", 8<<20))
	m.press("<wright>")
	if d := m.doc(); d.cursor == 0 || d.cursor == d.text.Len() {
		t.Errorf("the cursor is at %d of %d", d.cursor, d.text.Len())
	}
}
