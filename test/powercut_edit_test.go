package test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/editor/file"
	"bantam/editor/text"
	"bantam/test/powercut"
)

// An edit is the save of a file by the editor, during which the power may go.
type edit struct {
	file     string // on the state volume
	inPlace  bool   // it has a second name, so the editor writes into it
	old, new string

	// Events of the disk before the keystroke, and before the editor said that it was over.
	began, ended int
}

// editing is what the editor shows after a power cut.
type editing struct {
	text    string
	offers  bool
	offered string // what it offers instead
}

const (
	toEnd   = "\x1b[1;5F"
	unsaved = "unsaved "
)

// numbers is what `seq 1001 3400` prints: 24 sectors, no two of them the same.
func numbers() string {
	var b strings.Builder
	for n := 1001; n <= 3400; n++ {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}

// saveEdits changes two files with the editor and saves them. Then it changes
// one again, and leaves it only when the recovery file is there.
func (l *life) saveEdits(c *console, length func() int) {
	c.t.Helper()
	c.run("cd /state; seq 1001 3400 > edited; cp edited linked; ln linked other; sync")
	l.filed = length()
	for _, e := range []edit{{file: "edited"}, {file: "linked", inPlace: true}} {
		e.old = numbers()
		e.new = "first\n" + e.old + "last\n"
		c.openEditor(e.file)
		c.Expect(`\^S Save`)
		c.type_("first", enter, toEnd, "last")
		e.began = length()
		c.Send(save)
		c.Expect(`Saved`)
		e.ended = length()
		c.type_(quit)
		c.prompt()
		l.edits = append(l.edits, e)
	}
	c.must("stat -c '%h names' linked", "2 names")
	c.must("sha256sum other", shaOf(l.edits[1].new))

	c.run("(until ls recovery/*.kept; do sleep 1; done; sync; echo it is kept) 2> /dev/null &")
	l.typed = length()
	c.openEditor("edited")
	c.Expect(`\^S Save`)
	c.Send(unsaved)
	c.Expect(`it is kept`)
	l.kept = length()
	c.type_(quit)
	c.Expect(`Save the changes of`)
	c.Send("n")
	c.prompt()
	c.run("cd")
}

// openEditor begins to edit a file of the state volume, on a terminal of 24x80.
func (c *console) openEditor(file string) {
	c.t.Helper()
	c.Send("edit /state/" + file + "\r")
	c.Expect(`\x1b\[6n`)
	c.Send("\x1b[24;80R")
}

func shaOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// editingOf opens what was edited, in a folder with the files of the state
// volume, and reads the recovery files.
func (l *life) editingOf(dir string) (all map[string]editing, kept []string, err error) {
	all = map[string]editing{}
	for _, e := range l.edits {
		if all[e.file], err = opened(filepath.Join(dir, e.file)); err != nil {
			return nil, nil, err
		}
	}
	// Their names come from paths on the machine: only there they are found.
	names, err := filepath.Glob(filepath.Join(dir, "recovery/*.kept"))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		kept = append(kept, string(data))
	}
	return all, kept, err
}

func opened(path string) (editing, error) {
	f, err := file.Open(path)
	if err != nil {
		return editing{}, err
	}
	defer f.Close()
	t := text.New(f.Source())
	e := editing{text: string(t.Bytes(0, t.Len()))}
	if f.Found != nil {
		err = f.Found.Restore(t)
		e.offers, e.offered = true, string(t.Bytes(0, t.Len()))
	}
	return e, cmp.Or(err, t.Err())
}

// torn says whether the file holds neither the old text nor the new one.
func (e edit) torn(v *volume) bool {
	found, read := v.edits[e.file]
	return read && found.text != e.old && found.text != e.new
}

// fault says what is wrong when the power went after n events.
func (e edit) fault(n int, v *volume) error {
	found := v.edits[e.file]
	switch {
	case found.offers && !(e.inPlace && n > e.began && n < e.ended && found.offered == e.new):
		return fmt.Errorf("%s: the editor offers %s", e.file, e.compared(found.offered))
	case found.offers || n < e.ended && found.text == e.old || n > e.began && found.text == e.new:
		return nil
	}
	return fmt.Errorf("%s: the editor offers nothing, and the file holds %s", e.file, e.compared(found.text))
}

func (e edit) compared(text string) string {
	same := func(as string) int {
		n := 0
		for n < min(len(text), len(as)) && text[n] == as[n] {
			n++
		}
		return n
	}
	return fmt.Sprintf("%d bytes: the first %d as in the old text of %d, the first %d as in the new one of %d",
		len(text), same(e.old), len(e.old), same(e.new), len(e.new))
}

// editFault says what is wrong with the files that were edited.
func (s *survey) editFault(l left) error {
	if l.Event < s.life.filed {
		return nil
	}
	for _, e := range s.life.edits {
		if err := e.fault(l.Event, l.volume); err != nil {
			return err
		}
	}
	for _, kept := range l.volume.kept {
		if l.Event > s.life.typed && !strings.Contains(kept, unsaved+s.life.edits[0].new) {
			return fmt.Errorf("the recovery file has %d bytes, and not the text that was typed", len(kept))
		}
	}
	return nil
}

// bootEdits boots machines whose power went when only another file than the
// edited one had the text.
func (s *survey) bootEdits(t *testing.T) {
	plain, linked := s.life.edits[0], s.life.edits[1]
	for _, moment := range []struct {
		name string
		edit edit
		is   func(left) bool
		want string
	}{
		{"text that was not saved", plain, func(l left) bool {
			return l.Event > s.life.typed && l.Event <= s.life.kept && l.How == powercut.Written && len(l.volume.kept) > 0
		}, unsaved + plain.new},
		{"a file torn while it was written in place", linked, func(l left) bool {
			return l.Event >= linked.began && l.Event < linked.ended && linked.torn(l.volume)
		}, linked.new},
	} {
		t.Run(moment.name, func(t *testing.T) {
			i := slices.IndexFunc(s.lefts, moment.is)
			if i < 0 {
				t.Fatal("there was no such moment")
			}
			t.Logf("after event %d (%s)", s.lefts[i].Event, s.lefts[i].How)
			c := start(t, pc(t, bios, "-drive", virtio(s.disk(t, s.lefts[i]))))
			c.openEditor(moment.edit.file)
			c.Expect(`Unsaved text of`)
			c.Send("r")
			c.Expect(`unsaved text is back`)
			c.Send(save)
			c.Expect(`Saved`)
			c.type_(quit)
			c.prompt()
			c.must("sha256sum /state/"+moment.edit.file, shaOf(moment.want))
		})
	}
}
