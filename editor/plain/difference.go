package plain

import (
	"errors"
	"io"
	"io/fs"

	"bantam/editor/compare"
)

// mostCompared bounds the texts that are compared: both are in memory.
const mostCompared = 16 << 20

// compare shows what differs from the file on disk as it is now.
func (s *session) compare(request) {
	if s.file == nil {
		s.fail("this text has no file")
		return
	}
	disk, err := s.onDisk()
	if err != nil {
		s.fail("%v", err)
		return
	}
	old, new := compare.Split(disk), compare.Split(s.t.Bytes(0, s.t.Len()))
	var lines []string
	add := func(mark string, lineNumber int, line []byte) {
		lines = append(lines, mark+s.number(lineNumber)+visible(withoutEnd(line), lineMost))
	}
	hunks := compare.Lines(old, new)
	for _, h := range hunks {
		for n := h.OldFrom; n < h.OldTo; n++ {
			add("-", n+1, old[n])
		}
		for n := h.NewFrom; n < h.NewTo; n++ {
			add("+", n+1, new[n])
		}
	}
	if len(hunks) == 0 {
		s.say("no difference to the file on disk")
		return
	}
	s.say("- is on the disk, + is here:")
	s.pages(0, len(lines)-1, func(n int) int { return s.row(lines[n]) })
}

// onDisk is what the file holds now, nothing if there is none.
func (s *session) onDisk() ([]byte, error) {
	src, closer, err := s.file.Current()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	if src.Size() > mostCompared || s.t.Len() > mostCompared {
		return nil, errors.New("the texts are too long to be compared here")
	}
	return io.ReadAll(io.NewSectionReader(src, 0, src.Size()))
}
