package powercut

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bantam/switcher"
)

// An Outcome is what a machine does with what is on its state volume.
type Outcome struct {
	Text       string // the system.toml that runs
	Generation int    // its number
	States     map[int]switcher.State
	Journal    []JournalLine // as it was found
	Step       string        // names what journal and both records held: equal for equal bytes
}

// A JournalLine is one whole line of the switch journal.
type JournalLine struct {
	Event    string
	From, To int
	Step     int
}

// Reached says whether the journal holds the event of a switch to that generation.
func (o Outcome) Reached(event string, to int) bool {
	return len(o.Journal) > 0 && o.Journal[0].To == to && slices.ContainsFunc(o.Journal, func(l JournalLine) bool { return l.Event == event })
}

// Boot starts a machine whose image is booted and text on the state in dir,
// which is changed by it, and then switches to next. An error says what a
// machine must never come to, whenever its power went.
func Boot(dir string, booted switcher.Generation, text []byte, next []byte) (Outcome, error) {
	var o Outcome
	step := sha256.New()
	for _, name := range []string{"record", "record.copy", "journal"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return o, err
		}
		fmt.Fprintf(step, "%v %d %s", err == nil, len(data), data)
		if name == "journal" {
			o.Journal = readJournal(data)
		}
	}
	o.Step = hex.EncodeToString(step.Sum(nil))

	m := NewMachine()
	s, err := switcher.Open(switcher.Options{
		Dir: dir, Machine: m, Booted: booted, Text: text,
		Wall: func() time.Time { return time.Unix(1800000000, 0) },
	})
	if err != nil {
		return o, err
	}
	if notes := s.Notes(); len(notes) > 0 {
		return o, fmt.Errorf("something was found damaged: %s", strings.Join(notes, "; "))
	}
	if r := s.Boot(context.Background(), nil); r.Exit != switcher.ExitGood {
		return o, fmt.Errorf("start: %s", r.Text())
	}
	o.Text, o.States = m.Text, map[int]switcher.State{}
	for _, g := range s.Generations() {
		o.States[g.Number] = g.State
		if g.Current {
			o.Generation = g.Number
		}
		if g.Current != g.Default || g.Default && g.State != switcher.StateGood {
			return o, fmt.Errorf("generation %d: runs %v, default %v, %s", g.Number, g.Current, g.Default, g.State)
		}
		if have, err := s.Text(g.Number); err != nil || g.Current && string(have) != o.Text {
			return o, fmt.Errorf("generation %d: its system.toml is not what runs: %v", g.Number, err)
		}
	}
	if o.Generation == 0 {
		return o, errors.New("what runs is not in the boot record")
	}
	if r := s.Switch(context.Background(), switcher.Request{Verb: switcher.VerbSwitch, Text: next}, nil); r.Exit != switcher.ExitGood || m.Text != string(next) {
		return o, fmt.Errorf("a switch afterwards: %s", r.Text())
	}
	return o, nil
}

// readJournal reads whole lines up to the first that is not: CRC-32 of the JSON in hex, a space, the JSON.
func readJournal(data []byte) []JournalLine {
	var lines []JournalLine
	for text := range bytes.Lines(data) {
		sum, body, _ := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
		var l JournalLine
		if string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) || json.Unmarshal(body, &l) != nil {
			break
		}
		lines = append(lines, l)
	}
	return lines
}

// Digest names the content of a folder: equal for equal names and bytes.
func Digest(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			fmt.Fprintf(sum, "%s\n", path[len(dir):])
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path[len(dir):], len(data), data)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
