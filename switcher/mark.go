package switcher

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LabelLimit is how many characters a generation's label may have.
const LabelLimit = 40

// Pin keeps a generation from being collected and deleted, or lets it go again.
func (s *Switcher) Pin(number int, pinned bool) error {
	return s.mark(number, func(e *Entry) { e.Pinned = pinned })
}

// Label gives a generation a text for people; "" takes it away. It names nothing: numbers alone do.
func (s *Switcher) Label(number int, label string) error {
	switch {
	case strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		return errors.New("a label has printable characters alone")
	case utf8.RuneCountInString(label) > LabelLimit:
		return fmt.Errorf("a label has %d characters at most, this has %d", LabelLimit, utf8.RuneCountInString(label))
	case strings.TrimSpace(label) != label:
		return errors.New("a label neither begins nor ends with a blank")
	}
	return s.mark(number, func(e *Entry) { e.Label = label })
}

// mark changes the entry of a generation on disk, unless that would change nothing.
func (s *Switcher) mark(number int, change func(*Entry)) error {
	s.storing.Lock() // nobody deletes it meanwhile
	defer s.storing.Unlock()
	record := s.recordNow()
	e := record.entry(number)
	if e == nil {
		return noGeneration(number)
	}
	pinned, label := e.Pinned, e.Label
	if change(e); e.Pinned == pinned && e.Label == label {
		return nil
	}
	s.giveUpReserve()
	defer s.keepReserve()
	return s.update(func(r *Record) { change(r.entry(number)) })
}

func noGeneration(number int) error { return fmt.Errorf("generation %d: there is none", number) }

// The last lines of a service that failed are kept with its generation, so that they outlive a reboot, but not many.
const (
	logKept     = logTail
	logKeptSize = 1000 // bytes
)

// lastLines are the last of lines that may be kept.
func lastLines(lines []string) []string {
	lines = lines[max(0, len(lines)-logKept):]
	size := 0
	for i := len(lines) - 1; i >= 0; i-- {
		if size += len(lines[i]); size <= logKeptSize {
			continue
		}
		kept := append([]string(nil), lines[i:]...)
		if kept[0] = strings.ToValidUTF8(kept[0][:len(kept[0])-(size-logKeptSize)], ""); kept[0] == "" {
			kept = kept[1:]
		}
		return kept
	}
	return lines
}
