package switcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"bantam/atomicfile"
)

// A good generation may still take the machine down at each boot, after its proof or because something about the
// machine has changed. So every boot is counted before anything of the generation runs, and no longer once the machine
// has stayed up for StayUp or somebody has ended it. What has used up its boots is passed over; see Choose.
const (
	StayUp        = 2 * time.Minute // after the start was over
	mostShort     = 3               // boots in a row
	bootCountName = "boots"
	bootCountSize = 256 // one sector is written whole or not at all, and the file never grows: a full volume counts too
)

// BootCount is how many boots in a row of one generation ended too early. A cut of the power cannot be told from a
// crash without the kernel's last words, which come too late for the choice: each counts.
type BootCount struct {
	Generation Digest `json:"generation"`
	Short      int    `json:"short"`
}

// of is how many of them were boots of that generation.
func (b BootCount) of(d Digest) int {
	if b.Generation != d {
		return 0
	}
	return b.Short
}

// encode returns b as a line of bootCountSize bytes.
func (b BootCount) encode() ([]byte, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("count of boots: %w", err)
	}
	line := summed(fmt.Appendf(nil, "%-*s", bootCountSize-len("01234567 \n"), body))
	if len(line) != bootCountSize {
		return nil, fmt.Errorf("count of boots: %d bytes", len(line))
	}
	return line, nil
}

func parseBootCount(data []byte) (b BootCount, err error) {
	if len(data) != bootCountSize {
		return BootCount{}, fmt.Errorf("%d bytes, not %d", len(data), bootCountSize)
	}
	body, err := unsummed(data[:len(data)-1])
	if err == nil {
		err = json.Unmarshal(body, &b)
	}
	if err != nil || b.Short < 0 {
		return BootCount{}, errors.Join(errors.New("not a count of boots"), err)
	}
	return b, nil
}

// bootCountFile keeps the count. It is written in place: once at boot, once after it, and at an end that comes between.
type bootCountFile struct {
	disk disk
	dir  string

	mu      sync.Mutex
	count   BootCount
	whole   bool // the file is there and can be written in place
	counted bool // this boot is
}

func (f *bootCountFile) path() string { return filepath.Join(f.dir, bootCountName) }

// read returns the count of the boots before this one; a note tells that it is lost.
func (f *bootCountFile) read() (count BootCount, note string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, err := f.disk.ReadFile(f.path(), bootCountSize)
	if errors.Is(err, fs.ErrNotExist) {
		return BootCount{}, ""
	}
	if err == nil {
		f.count, err = parseBootCount(data)
	}
	if f.whole = err == nil; !f.whole {
		note = fmt.Sprintf("%s: %v; what it counted is forgotten", f.path(), err)
	}
	return f.count, note
}

// add counts a boot of a generation, before it runs.
func (f *bootCountFile) add(d Digest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counted = true
	return f.write(BootCount{d, min(f.count.of(d), mostShort) + 1})
}

// clear ends the row: this boot was long enough, or somebody has ended it or chosen what runs.
func (f *bootCountFile) clear() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count.Short == 0 {
		return nil
	}
	return f.write(BootCount{f.count.Generation, 0})
}

// counts says whether this boot is one of the row.
func (f *bootCountFile) counts() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counted
}

func (f *bootCountFile) write(count BootCount) error {
	data, err := count.encode()
	if err != nil {
		return err
	}
	if f.whole {
		err = f.disk.Overwrite(f.path(), data)
	} else {
		err = atomicfile.WriteOn(f.disk, f.path(), data, private)
	}
	if f.whole = err == nil; err != nil {
		return fmt.Errorf("this boot is not counted: %w", err)
	}
	f.count = count
	return nil
}

// StayedUp is called when the machine has stayed up for StayUp after its start was over. What was passed over for its
// short boots, and was booted nevertheless because all others were too, is trusted again, and so are the others:
// the reason was none of theirs.
func (s *Switcher) StayedUp() error {
	if s.pickedForOnce() {
		return nil // it tells nothing of what the boots before it ran
	}
	err := s.endsRow()
	record := s.recordNow()
	s.mu.Lock()
	e := record.entry(s.booted)
	s.mu.Unlock()
	if e == nil || !e.PassedOver {
		return err
	}
	return errors.Join(err, s.update(func(r *Record) {
		for i := range r.Entries {
			r.Entries[i].trust()
		}
	}))
}

// EndsInOrder is called when somebody ends the machine: that boot counts for nothing.
func (s *Switcher) EndsInOrder() error {
	if s.pickedForOnce() {
		return nil
	}
	return s.endsRow()
}

// endsRow is called when this boot was no short one. One that is not counted tells nothing of those before it: nothing was
// started yet, as in the boot menu's rescue shell, or what runs is not what the count is of.
func (s *Switcher) endsRow() error {
	if !s.bootCount.counts() {
		return nil
	}
	return s.bootCount.clear()
}

// chosen is called when somebody has chosen what runs.
func (o *operation) chosen() {
	o.s.setPicked(false)
	if err := o.s.bootCount.clear(); err != nil {
		o.event(EventNote, "%v", err)
	}
}

// trust takes back that boots pass e over.
func (e *Entry) trust() {
	if e.PassedOver && e.State == StateGood {
		e.proven()
	}
	e.PassedOver, e.Unstarted = false, false
}

// passedOver says so, and what to do.
func (e *Entry) passedOver(why string) string {
	command := "`bantam rollback %d` goes back to it"
	if e.Unstarted {
		command = "`bantam boot %d` has it tried again"
	}
	return fmt.Sprintf("generation %d is passed over: %s; "+command, e.Number, why, e.Number)
}

// passOver keeps it in the record that a generation has used up its boots, for the count is of one generation.
func (o *operation) passOver(number int) error {
	o.s.giveUpReserve()
	err := o.s.update(func(r *Record) {
		e := r.entry(number)
		if e.PassedOver = true; e.State == StateGood {
			e.Reason, e.Failed = shortBoots, o.s.now()
		}
	})
	if err != nil {
		return fmt.Errorf("that generation %d is passed over could not be recorded: %w", number, err)
	}
	return nil
}

var shortBoots = fmt.Sprintf("%d boots in a row ended within %v of their start, and not in order", mostShort, StayUp)
