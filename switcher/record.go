package switcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"bantam/atomicfile"
	"bantam/signature"
)

// State is how far a generation is trusted.
type State string

// The states of a generation.
const (
	StateUntried     State = "untried"     // never proven
	StateGood        State = "good"        // passed its proof; only such a one is ever the default
	StateBad         State = "bad"         // failed its proof
	StateInterrupted State = "interrupted" // something else than its proof ended the switch to it, e.g. a power cut
)

// Entry is one generation in the boot record.
type Entry struct {
	Number  int       `json:"number"`
	Digest  Digest    `json:"digest"` // of the manifest
	Created time.Time `json:"created"`
	Verb    string    `json:"verb"` // what made it, e.g. "switch", or ImageVerb
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"` // of the state, e.g. "service web: exit status 1"

	Failed time.Time `json:"failed,omitzero"`  // when Reason came to be
	Log    []string  `json:"log,omitempty"`    // what the service that failed wrote last, e.g. "web: no luck"
	Pinned bool      `json:"pinned,omitempty"` // it stays until somebody unpins it
	Label  string    `json:"label,omitempty"`  // of a person, for persons

	Signed []signature.Signed `json:"signed,omitempty"` // with which it came from elsewhere; an export has them again

	// Boots pass it over although it is good, for Reason, as long as another one can run. A switch to it ends that.
	PassedOver bool `json:"passed_over,omitempty"`
	// They pass it over because its boot slot did not start: that ends also when it has.
	Unstarted bool `json:"unstarted,omitempty"`
}

// proven makes e a good one.
func (e *Entry) proven() {
	e.State, e.Reason, e.Failed, e.Log, e.PassedOver, e.Unstarted = StateGood, "", time.Time{}, nil, false, false
}

// when says at what time it failed, if that is known.
func (e *Entry) when() string {
	if e.Failed.IsZero() {
		return "" // by an older Bantam
	}
	return e.Failed.Format(" (2006-01-02 15:04)")
}

// Trying is a generation that may run at boot although it is not proven.
type Trying struct {
	Generation int    `json:"generation"`
	Left       int    `json:"left"`   // boots that may still try it
	Online     bool   `json:"online"` // the machine was online when this was asked for
	Routed     bool   `json:"routed"` // and had a default route, of whatever family: older Bantams note no more
	IPv4       Family `json:"ipv4,omitzero"`
	IPv6       Family `json:"ipv6,omitzero"`

	Confirm time.Duration `json:"confirm,omitempty"` // a person has to confirm within this time after the proof
}

// tried is the generation with that number, asked for while the network is so.
func tried(number int, n NetworkState) *Trying {
	return &Trying{Generation: number, Left: bootTries, Online: n.Online, Routed: n.IPv4.Routed || n.IPv6.Routed, IPv4: n.IPv4, IPv6: n.IPv6}
}

// network is what it was when the trial was asked for; routed: there was a
// default route, of a family that was not noted.
func (t *Trying) network() (n NetworkState, routed bool) {
	n = NetworkState{Online: t.Online, IPv4: t.IPv4, IPv6: t.IPv6}
	return n, t.Routed && !n.IPv4.Routed && !n.IPv6.Routed
}

// private is the mode of what a switch writes beside the store: reasons and
// definitions that only root may read.
const private = 0o600

// Record is the boot record: all that outlives the power and decides what runs.
type Record struct {
	Sequence uint64  `json:"sequence"` // grows with every write
	Next     int     `json:"next"`     // number of the next new generation, from 1; numbers are never used again
	Default  int     `json:"default"`  // what the next boot runs; 0: the boot medium's own generation
	Previous int     `json:"previous"` // what ran before the default; 0: nothing
	Trying   *Trying `json:"trying,omitempty"`
	Entries  []Entry `json:"generations"` // by number

	FailedTrial int `json:"failed_trial,omitempty"` // generation that a boot tried in vain; no switch has succeeded since

	Release int `json:"release,omitempty"` // highest version of a system.toml that came from elsewhere and proved itself here

	Once int `json:"once,omitempty"` // generation of another kernel that the next boot runs, and that one only; nothing is recorded of how

	// Leaving: the last boot ended at once, for the kernel of another boot slot, and nothing has been started since. A second
	// such end must not follow, or two slots with one fault would hand the machine to each other for ever.
	Leaving bool `json:"leaving,omitempty"`

	// Slots are the boot identities that boot slots held, by name, when they were booted or written by this machine. A booted
	// slot of which that is not true is a new image's.
	Slots map[string]Digest `json:"slots,omitempty"`
}

// holds notes what a boot slot holds.
func (r *Record) holds(slot string, boot Digest) {
	slots := map[string]Digest{}
	maps.Copy(slots, r.Slots) // r may share it with another copy
	slots[slot] = boot
	r.Slots = slots
}

// entry returns the entry with that number, nil if there is none.
func (r *Record) entry(number int) *Entry {
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Number == number })
	if i < 0 {
		return nil
	}
	return &r.Entries[i]
}

// named returns the entry of the generation with that manifest, nil if there is none.
func (r *Record) named(d Digest) *Entry {
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Digest == d })
	if i < 0 {
		return nil
	}
	return &r.Entries[i]
}

// clone returns a copy that shares nothing with r.
func (r Record) clone() Record {
	r.Entries = slices.Clone(r.Entries)
	if r.Trying != nil {
		trying := *r.Trying
		r.Trying = &trying
	}
	return r
}

// The record is written twice, so that one flipped bit loses nothing.
const (
	recordName     = "record"
	recordCopyName = "record.copy"
	recordMagic    = "bantam record 1 "
)

// encode returns the record as a line with the digest of the rest, and the rest as JSON.
func (r Record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("boot record: %w", err)
	}
	return fmt.Appendf(nil, "%s%s\n%s\n", recordMagic, DigestOf(body), body), nil
}

// parseRecord reads what encode wrote, and nothing else: a record that is
// whole but contradicts itself is an error as well.
func parseRecord(data []byte) (Record, error) {
	head, rest, found := bytes.Cut(data, []byte("\n"))
	sum, magic := bytes.CutPrefix(head, []byte(recordMagic))
	body, ended := bytes.CutSuffix(rest, []byte("\n"))
	if !found || !magic || !ended {
		return Record{}, errors.New("not a boot record")
	}
	if have := DigestOf(body); have != Digest(sum) {
		return Record{}, errors.New("its checksum does not fit")
	}
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, err
	}
	return r, r.check()
}

// check finds what no code of ours writes.
func (r *Record) check() error {
	last := 0
	for _, e := range r.Entries {
		if e.Number <= last || e.Number >= r.Next || !e.Digest.Valid() {
			return fmt.Errorf("generation %d: out of order or with digest %q", e.Number, e.Digest)
		}
		last = e.Number
	}
	if def := r.entry(r.Default); r.Default != 0 && (def == nil || def.State != StateGood) {
		return fmt.Errorf("the default is generation %d, which is not a good one", r.Default)
	}
	return nil
}

// recordFile keeps the record on disk.
type recordFile struct {
	disk disk
	dir  string
}

// read returns the record, or an empty one if there is none. Notes tell what was damaged.
func (f recordFile) read() (Record, []string) {
	best := Record{Next: 1}
	var notes []string
	valid := 0
	for _, name := range []string{recordName, recordCopyName} {
		path := filepath.Join(f.dir, name)
		data, err := f.disk.ReadFile(path, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var r Record
		if err == nil {
			r, err = parseRecord(data)
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("boot record %s is damaged: %v", path, err))
			continue
		}
		if valid++; valid == 1 || r.Sequence > best.Sequence {
			best = r
		}
	}
	if len(notes) > 0 && valid > 0 {
		notes = append(notes, "the other copy of the boot record is used")
	}
	if len(notes) > 0 && valid == 0 {
		notes = append(notes, "the boot record is lost; generations are listed again from the store")
	}
	return best, notes
}

// equal says whether both copies hold the same: not after a power cut between their writes.
func (f recordFile) equal() bool {
	first, err := f.disk.ReadFile(filepath.Join(f.dir, recordName), maxFile)
	second, copyErr := f.disk.ReadFile(filepath.Join(f.dir, recordCopyName), maxFile)
	return err == nil && copyErr == nil && bytes.Equal(first, second)
}

// write makes r the record. It is committed when the first copy is; only if
// that fails is there an error. The second copy's failure is told by the note.
func (f recordFile) write(r Record) (note string, err error) {
	data, err := r.encode()
	if err != nil {
		return "", err
	}
	if err := r.check(); err != nil {
		return "", fmt.Errorf("boot record: refused to write: %w", err)
	}
	if err := atomicfile.WriteOn(f.disk, filepath.Join(f.dir, recordName), data, private); err != nil {
		return "", fmt.Errorf("boot record: %w", err)
	}
	if err := atomicfile.WriteOn(f.disk, filepath.Join(f.dir, recordCopyName), data, private); err != nil {
		return fmt.Sprintf("the second copy of the boot record is old: %v", err), nil
	}
	return "", nil
}
