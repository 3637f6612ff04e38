package switcher

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"bantam/order"
	"bantam/system"
)

const (
	numberAnnotation = "bantam.generation" // index entry: the number, e.g. 4
	verbAnnotation   = "bantam.verb"       // index entry: what made it
)

// ImageVerb is Entry.Verb of what came with a boot medium.
const ImageVerb = "image"

// add makes t a generation of this machine and returns it with its number. A
// generation that is there already keeps its number. The record is written
// last, so until then nothing has changed for anybody.
func (s *Switcher) add(t target, verb string, then func(r *Record, number int)) (target, error) {
	s.storing.Lock()
	defer s.storing.Unlock()
	return s.addHeld(t, verb, then)
}

// addHeld is add for who holds s.storing.
func (s *Switcher) addHeld(t target, verb string, then func(r *Record, number int)) (target, error) {
	if _, err := s.store.PutBytes(t.text); err != nil {
		return t, err
	}
	digest := t.generation.Digest()
	record := s.recordNow()
	entry := Entry{Number: record.Next, Digest: digest, Created: s.now(), Verb: verb, State: StateUntried}
	known := record.named(digest)
	if known != nil {
		entry = *known
	}
	t.number = entry.Number
	if _, err := s.store.PutGeneration(t.generation, entry.Created, entry.annotations()); err != nil {
		return t, err
	}
	if known != nil && then == nil {
		return t, nil
	}
	return t, s.update(func(r *Record) {
		if known == nil {
			r.Entries = append(r.Entries, entry)
			r.Next = entry.Number + 1
		}
		if then != nil {
			then(r, entry.Number)
		}
	})
}

func (e Entry) annotations() map[string]string {
	number := strconv.Itoa(e.Number)
	return map[string]string{refAnnotation: number, numberAnnotation: number, verbAnnotation: e.Verb}
}

// recoverRecord lists the generations again after both copies of the record
// were lost. None of them is trusted.
func (s *Switcher) recoverRecord() {
	entries, err := s.store.Index()
	if err != nil {
		return // openStore has just read it
	}
	number := func(d Descriptor) int {
		n, err := strconv.Atoi(d.Annotations[numberAnnotation])
		if err != nil || n < 1 {
			return 1 << 30 // after those that have one
		}
		return n
	}
	order.Stably(entries, func(a, b Descriptor) int { return number(a) - number(b) })
	for _, d := range entries {
		if s.record.named(d.Digest) != nil {
			continue
		}
		n := s.record.Next
		if want := number(d); want < 1<<30 {
			n = max(n, want)
		}
		created, _ := time.Parse(time.RFC3339, d.Annotations[createdAnnotation])
		s.record.Entries = append(s.record.Entries, Entry{
			Number: n, Digest: d.Digest, Created: created, Verb: d.Annotations[verbAnnotation],
			State: StateUntried, Reason: "the boot record was lost",
		})
		s.record.Next = n + 1
	}
}

// syncIndex makes the store's index say what the record says.
func (s *Switcher) syncIndex() error {
	var entries []Descriptor
	for _, e := range s.recordNow().Entries {
		data, err := s.store.blob(e.Digest, maxManifest)
		if err != nil {
			continue // told when somebody wants to run it
		}
		annotations := e.annotations()
		if !e.Created.IsZero() {
			annotations[createdAnnotation] = e.Created.Format(time.RFC3339)
		}
		entries = append(entries, Descriptor{MediaType: manifestType, Digest: e.Digest, Size: int64(len(data)), Annotations: annotations})
	}
	return s.store.SetIndex(entries)
}

// ImageGeneration finds in dir, e.g. /state, what a boot medium with that kernel
// version carried, and its system.toml: for a boot whose own medium cannot be read.
func ImageGeneration(dir, kernel string) (Generation, []byte, error) {
	record, _ := recordFile{osDisk{}, dir}.read()
	store := Store{dir: filepath.Join(dir, "store"), disk: osDisk{}}
	var faults []error
	for _, e := range slices.Backward(record.Entries) {
		if e.Verb != ImageVerb {
			continue
		}
		g, err := store.Generation(e.Digest)
		if err == nil && g.KernelVersion() != kernel {
			continue
		}
		var text []byte
		if err == nil {
			text, err = store.blob(g.System.Digest, system.MaxSize)
		}
		if err == nil {
			return g, text, nil
		}
		faults = append(faults, fmt.Errorf("generation %d: %w", e.Number, err))
	}
	faults = append(faults, fmt.Errorf("no image with kernel %s has run here before", kernel))
	return Generation{}, nil, errors.Join(faults...)
}
