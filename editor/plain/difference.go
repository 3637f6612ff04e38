package plain

import (
	"fmt"

	"bantam/editor/compare"
)

// compare shows what differs from the file on disk as it is now.
func (s *session) compare(request) {
	if s.file == nil {
		s.fail("this text has no file")
		return
	}
	disk, err := s.file.OnDisk(compare.MostBytes)
	if err == nil && s.t.Len() > compare.MostBytes {
		err = fmt.Errorf("texts above %d MiB are not compared", compare.MostBytes>>20)
	}
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
