package switcher

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"

	"bantam/system"
)

const draftName = "draft/system.toml" // below the state folder

// Draft is the copy of system.toml that a person edits.
type Draft struct {
	Path  string // e.g. /state/draft/system.toml
	Text  []byte // the running generation's where there is no file
	Saved bool   // the file exists
	Same  bool   // it says what the running generation says, to the byte
}

var errNotStarted = errors.New("the machine has not started a generation yet; try again in a moment")

// Draft reads the draft.
func (s *Switcher) Draft() (Draft, error) {
	s.mu.Lock()
	running := s.current.text
	started := s.current.system != nil
	s.mu.Unlock()
	if !started { // an empty text would be taken for a machine
		return Draft{}, errNotStarted
	}
	d := Draft{Path: filepath.Join(s.dir, draftName)}
	var err error
	if d.Text, err = s.disk.ReadFile(d.Path, system.MaxSize); errors.Is(err, fs.ErrNotExist) {
		d.Text, err = running, nil
	} else {
		d.Saved = true
	}
	d.Same = bytes.Equal(d.Text, running)
	return d, err
}
