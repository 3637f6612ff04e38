package switcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"bantam/atomicfile"
)

// The events of a journal, in the order in which they can come.
const (
	journalBegin     = "begin"
	journalStep      = "step"
	journalProven    = "proven"
	journalCommitted = "committed" // the boot record holds the outcome
	journalReverted  = "reverted"  // the old generation runs again
	journalEnd       = "end"
)

// journalLine is one event of a switch.
type journalLine struct {
	Event    string        `json:"event"`
	At       time.Duration `json:"at"` // CLOCK_BOOTTIME
	Verb     string        `json:"verb,omitempty"`
	From     int           `json:"from,omitempty"`
	To       int           `json:"to,omitempty"`
	Deadline time.Duration `json:"deadline,omitempty"` // for the person's confirmation
	Step     int           `json:"step,omitempty"`     // from 1
	Total    int           `json:"total,omitempty"`
	Text     string        `json:"text,omitempty"`
}

// Journal is what the journal of the last switch says. It explains and decides
// nothing: what runs is up to the boot record.
type Journal struct {
	Verb      string
	From, To  int
	Step      int // the last one begun
	Total     int
	StepText  string
	Committed bool
	Reverted  bool
	Ended     bool
	Damaged   string // what is wrong with a line that is not the last
}

// Unfinished says whether a switch began and did not end.
func (j Journal) Unfinished() bool { return j.Verb != "" && !j.Ended }

// encode returns the line: CRC-32 of the JSON in hex, a space, the JSON.
func (l journalLine) encode() ([]byte, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return summed(body), nil
}

// summed is a line that tells whether it is whole.
func summed(body []byte) []byte { return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(body), body) }

// unsummed returns what summed was given; line is without its newline.
func unsummed(line []byte) (body []byte, err error) {
	sum, body, _ := bytes.Cut(line, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || len(sum) != 8 || uint32(want) != crc32.ChecksumIEEE(body) {
		return nil, errors.New("its checksum does not fit")
	}
	return body, nil
}

func parseJournalLine(line []byte) (l journalLine, err error) {
	body, err := unsummed(line)
	if err != nil {
		return journalLine{}, err
	}
	return l, json.Unmarshal(body, &l)
}

// parseJournal reads a journal. A last line without its newline was torn by a
// power cut and did not happen. After a damaged line nothing is believed.
func parseJournal(data []byte) Journal {
	var j Journal
	for number := 1; len(data) > 0; number++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		l, err := parseJournalLine(line)
		if err != nil {
			if len(rest) > 0 { // else: torn too; the newline reached the disk before the text
				j.Damaged = fmt.Sprintf("line %d: %v", number, err)
			}
			break
		}
		switch l.Event {
		case journalBegin:
			j = Journal{Verb: l.Verb, From: l.From, To: l.To, Total: l.Total}
		case journalStep:
			j.Step, j.StepText = l.Step, l.Text
		case journalCommitted:
			j.Committed = true
		case journalReverted:
			j.Reverted = true
		case journalEnd:
			j.Ended = true
		}
		data = rest
	}
	return j
}

const journalName = "journal"

// journalFile writes the journal of one switch.
type journalFile struct {
	disk disk
	dir  string
}

func (f journalFile) path() string { return filepath.Join(f.dir, journalName) }

// read returns the last journal; the zero Journal if there is none.
func (f journalFile) read() (Journal, error) {
	data, err := f.disk.ReadFile(f.path(), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Journal{}, nil
	}
	if err != nil {
		return Journal{}, err
	}
	return parseJournal(data), nil
}

// begin replaces the last journal, so that journals do not grow without end.
func (f journalFile) begin(l journalLine) error {
	l.Event = journalBegin
	data, err := l.encode()
	if err != nil {
		return err
	}
	return atomicfile.WriteOn(f.disk, f.path(), data, private)
}

// add appends a line and makes it durable.
func (f journalFile) add(l journalLine) error {
	data, err := l.encode()
	if err != nil {
		return err
	}
	out, err := f.disk.Append(f.path())
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// end replaces an unfinished journal by one that says how it was found. It is
// not appended to, because its last line may be torn.
func (f journalFile) end(j Journal, found string) error {
	var text []byte
	for _, l := range []journalLine{
		{Event: journalBegin, Verb: j.Verb, From: j.From, To: j.To, Total: j.Total},
		{Event: journalStep, Step: j.Step, Total: j.Total, Text: j.StepText},
		{Event: journalEnd, Text: found},
	} {
		line, err := l.encode()
		if err != nil {
			return err
		}
		text = append(text, line...)
	}
	return atomicfile.WriteOn(f.disk, f.path(), text, private)
}
