// Package editor is the text editor for serial lines: modeless, with its keys on
// the screen, made to send few bytes and to lose none of the file.
//
// It knows nothing of the rest of Bantam: it gets files, a terminal and a
// language.Checker. The text is a piece table over the file (editor/text), so a
// file of 1 GB opens at once; what the terminal shows follows with few bytes
// (editor/screen); saving and recovery are in editor/file. This package is the
// person's side: commands, prompts, the view, and the loop that drives them. On
// a terminal without cursor motion the line editor takes over (editor/plain).
package editor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"bantam/editor/file"
	"bantam/editor/language"
	"bantam/editor/plain"
	"bantam/editor/text"
	"bantam/tty"
)

// Target is one text to open.
type Target struct {
	Path string
	Line int       // to start at, from 1; 0: the first
	Pipe io.Reader // instead of a file, to be read; Path is what it is called
}

// Options of Edit.
type Options struct {
	CheckerFor func(path string) language.Checker // may be nil, and may give nil
	ReadOnly   bool
	Wrap       bool   // long lines take several rows from the start
	Recovery   string // folder for recovery files, "": none are written

	// Remark is what a person should know before a file is changed, e.g. that it
	// is made anew at each boot; "" is nothing. It may be nil.
	Remark func(path string) string
}

// Result tells how a session ended.
type Result struct {
	Saved bool // some file was saved
	Line  int  // where the cursor was in the text that was left last, from 1
}

// gcPercent keeps the heap small: there is little garbage at the pace of a person.
const gcPercent = 50

// Edit opens the targets on the terminal in/out and returns when the person has
// left the last of them. When the terminal dies, unsaved text is in the recovery
// file, and the error says so.
func Edit(targets []Target, in, out *os.File, opt Options) (Result, error) {
	if len(targets) == 0 {
		return Result{}, errors.New("nothing to edit")
	}
	if plainTerminal(in, out) {
		return editPlain(targets, in, out, opt)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	var docs []*document
	for _, t := range targets {
		d, err := opt.open(t)
		if err != nil {
			closeAll(docs)
			return Result{}, err
		}
		docs = append(docs, d)
	}
	term, err := openTerminal(in, out)
	if err != nil {
		closeAll(docs)
		return Result{}, err
	}
	defer term.close()
	m := newModel(docs, opt)
	s := newSession(m, term)
	defer s.leave()
	defer s.keepOnPanic()
	if err = s.run(targets); err != nil {
		err = s.keepAll(err) // while signals are still caught: a hang-up sends several
	}
	return Result{Saved: m.saved, Line: m.line}, err
}

func closeAll(docs []*document) {
	for _, d := range docs {
		d.close(true)
	}
}

// editPlain edits one target after the other with the line editor.
func editPlain(targets []Target, in, out *os.File, opt Options) (r Result, err error) {
	lines := bufio.NewReader(in) // one for all: it reads ahead
	for _, t := range targets {
		if t.Pipe != nil {
			_, err := io.Copy(out, t.Pipe) // there is nothing to page with
			return r, err
		}
		f, err := file.Open(t.Path)
		if err != nil {
			return r, err
		}
		o := plain.Options{Line: t.Line, ReadOnly: opt.ReadOnly, Person: tty.Is(in) && tty.Is(out)}
		o.Rows, o.Cols = tty.Size(out)
		if opt.CheckerFor != nil {
			o.Checker = opt.CheckerFor(f.Path)
		}
		if opt.Recovery != "" && !opt.ReadOnly {
			if o.Keeper, o.Found, err = opt.keeper(f); err != nil {
				fmt.Fprintf(out, "Recovery file: %v\n", err)
			}
		}
		if remark := opt.remark(f.Path); remark != "" {
			fmt.Fprintln(out, remark)
		}
		saved, err := plain.Edit(f, text.New(f.Source()), lines, out, o)
		if o.Keeper != nil {
			o.Keeper.Close()
		}
		f.Close()
		r.Saved = r.Saved || saved
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// open makes a document of a target.
func (opt Options) open(t Target) (*document, error) {
	if t.Pipe != nil {
		d := newDocument(t.Path, text.Memory(nil))
		d.readOnly = "This text is only for reading"
		return d, nil
	}
	f, err := file.Open(t.Path)
	if err != nil {
		return nil, err
	}
	d := newDocument(f.Name(), f.Source())
	d.belongs(f, opt)
	why := f.ReadOnly()
	switch {
	case opt.ReadOnly:
		d.readOnly = "This text is only for reading"
	case why != nil:
		d.notice = fmt.Sprintf("It cannot be saved here: %v", why)
	case !f.Exists:
		d.notice = "A new file"
	}
	if remark := opt.remark(f.Path); remark != "" && d.notice != "" {
		d.notice = remark + ". " + d.notice
	} else if remark != "" {
		d.notice = remark
	}
	if !opt.ReadOnly {
		opt.guard(d)
	}
	if t.Line > 1 {
		for known := false; !known; {
			var off int
			if off, known = d.text.LineOffset(t.Line - 1); known {
				d.moveTo(off)
			} else {
				d.text.Index(16)
			}
		}
	}
	return d, nil
}

func (opt Options) remark(path string) string {
	if opt.Remark == nil || opt.ReadOnly {
		return ""
	}
	return opt.Remark(path)
}

// guard opens the recovery file of a document and looks what it holds.
func (opt Options) guard(d *document) {
	if opt.Recovery == "" {
		return
	}
	d.keeper, d.found, d.keepErr = opt.keeper(d.file)
	if d.keepErr != nil && d.keeper != nil { // only what an earlier session left could not be read
		d.notice, d.keepErr = d.keepErr.Error(), nil
	} else if errors.Is(d.keepErr, file.ErrOpenElsewhere) {
		var other *file.OpenElsewhere
		errors.As(d.keepErr, &other)
		d.notice = fmt.Sprintf("Mind: process %d has this file open too; unsaved text of this session is not kept", other.PID)
	} else if d.keepErr != nil {
		d.notice = fmt.Sprintf("Unsaved text cannot be kept: %v", d.keepErr)
	}
}

// keeper opens the recovery file of f and finds what an earlier session or a save
// cut short has left: the newer of the two.
func (opt Options) keeper(f *file.File) (*file.Keeper, *file.Found, error) {
	f.Spare = opt.Recovery
	k, found, err := file.OpenKeeper(opt.Recovery, f.Path)
	left := f.Found
	if left == nil || found != nil && !left.When.After(found.When) {
		return k, found, err
	}
	if found != nil {
		err = errors.Join(err, k.SetAside(found))
	}
	return k, left, err
}
