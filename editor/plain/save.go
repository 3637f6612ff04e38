package plain

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"bantam/editor/file"
)

// write is w, w! or w PATH.
func (s *session) write(rest string, force bool) {
	if err := s.t.Err(); err != nil {
		s.fail("NOT saved, the file could not be read as a whole: %v", err)
		return
	}
	if path := strings.TrimSpace(rest); path != "" {
		s.saveCopy(path, force)
		return
	}
	if s.file != nil && s.file.Exists && !s.t.Modified() && !force {
		s.say("nothing to save%s", s.faultsAtSave())
		return
	}
	s.save(force)
}

// save writes the file; force replaces what somebody else has written there.
func (s *session) save(force bool) bool {
	if s.file == nil {
		s.fail("this text has no file; w PATH saves a copy")
		return false
	}
	if err := s.t.Err(); err != nil {
		s.fail("NOT saved, the file could not be read as a whole: %v", err)
		return false
	}
	if force {
		if err := s.file.Accept(); err != nil {
			s.fail("NOT saved: %v", err)
			return false
		}
	}
	err := s.file.Save(s.t.Snapshot())
	switch {
	case errors.Is(err, file.ErrChanged):
		s.fail("NOT saved: somebody else has changed the file; D compares, w! replaces it")
		return false
	case err != nil:
		s.fail("NOT saved: %v", err)
		return false
	}
	s.t.MarkSaved()
	s.saved = true
	s.dropKept()
	s.say("saved %s%s", plural(s.t.Len(), "byte"), s.faultsAtSave())
	return true
}

// saveCopy writes the text to another path and goes on with the file.
func (s *session) saveCopy(path string, force bool) {
	there, err := os.Stat(path)
	switch {
	case err == nil && s.isOwn(there):
		s.save(force)
		return
	case err == nil && !force:
		s.fail("NOT saved: %s is there already; w! %[1]s replaces it", path)
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		s.fail("NOT saved: %v", err)
		return
	}
	if s.file != nil {
		_, err = s.file.SaveAs(path, s.t.Snapshot())
	} else {
		var f *file.File
		if f, err = file.Open(path); err == nil {
			err = f.Save(s.t.Snapshot())
			f.Close()
		}
	}
	if err != nil {
		s.fail("NOT saved: %v", err)
		return
	}
	s.say("a copy of %s is in %s", plural(s.t.Len(), "byte"), path)
}

// isOwn tells whether a file is the one that is edited.
func (s *session) isOwn(there fs.FileInfo) bool {
	if s.file == nil {
		return false
	}
	own, err := os.Stat(s.file.Path)
	return err == nil && os.SameFile(own, there)
}

// faultsAtSave says what is wrong with what is saved, news or not.
func (s *session) faultsAtSave() string {
	s.faults = 0
	return s.faultsNote()
}

// dropKept removes what is kept for the next start: it is saved, or not wanted.
func (s *session) dropKept() {
	if s.opt.Keeper == nil {
		return
	}
	if err := s.opt.Keeper.Drop(); err != nil {
		s.say("the text that was kept cannot be removed: %v", err)
	}
}

func (s *session) quit() {
	if !s.t.Modified() {
		s.done = true
		return
	}
	if s.opt.ReadOnly || s.file == nil {
		s.leave()
		return
	}
	s.question("not saved; y saves, n loses the changes, Enter goes on: ", map[string]func(){
		"y": func() { s.done = s.save(false) },
		"n": s.leave,
	}, func() {})
}

// leave ends the session and gives up what is not saved.
func (s *session) leave() {
	s.done, s.left = true, true
	if s.t.Modified() {
		s.dropKept()
	}
}

// offerFound asks what to do with unsaved text of an earlier session. Nothing
// else can be done before that: what is kept next would replace it.
func (s *session) offerFound() {
	found := s.opt.Found
	if found == nil {
		return
	}
	s.say("there is text of %s that was not saved", found.When.Format("2006-01-02 15:04:05"))
	if found.Behind {
		s.say("the file was changed after that")
	}
	if !s.opt.Person { // the lines of a script are no answers
		s.say("it stays where it is; edit the file on a terminal to take it up")
		s.opt.Found, s.opt.Keeper = nil, nil
		return
	}
	s.question("y takes it up, n throws it away: ", map[string]func(){
		"y": func() {
			if err := found.Restore(s.t); err != nil {
				s.fail("%v", err)
				return
			}
			s.moveTo(s.cur)
			s.changed("taken up, not saved yet; D compares, u takes it back")
		},
		"n": func() {
			if err := found.Drop(); err != nil {
				s.fail("%v", err)
			}
		},
	}, s.offerFound)
}
