package images

import (
	"bufio"
	"io"
	"os"
	"testing"
	"time"
)

func TestLongWorkIsToldInAPipeLineByLine(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	progress, done := lineProgress(w, 0)
	progress("fetching a\n\tpackage")
	lines := bufio.NewScanner(r)
	if !lines.Scan() || lines.Text() != "fetching a package" {
		t.Fatalf("%q, want the step under way", lines.Text())
	}
	progress("packing it") // the next ones come at once
	if !lines.Scan() || lines.Text() != "packing it" {
		t.Errorf("%q, want the next step", lines.Text())
	}
	done()
	progress("too late")
	w.Close()
	if lines.Scan() {
		t.Errorf("behind the end: %q", lines.Text())
	}
}

func TestShortWorkIsQuietInAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	progress, done := lineProgress(w, time.Hour)
	progress("fetching")
	progress("packing")
	done()
	done() // it is called at every end
	w.Close()
	if text, err := io.ReadAll(r); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAPipeHasNoTerminalControl(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	progress, done := TerminalProgress(w)
	if progress == nil {
		t.Fatal("a pipe is told nothing")
	}
	progress("fetching")
	done()
	w.Close()
	if text, _ := io.ReadAll(r); len(text) > 0 {
		t.Errorf("%q", text)
	}
}
