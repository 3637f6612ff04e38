package switcher

import (
	"context"
	"errors"
	"fmt"

	"bantam/atomicfile"
	"bantam/system"
)

// importVerb is Entry.Verb of what came from elsewhere.
const importVerb = "import"

// Imported is the outcome of an import.
type Imported struct {
	Number  int          `json:"number,omitempty"`  // of the generation; 0: not yet, see Lacking
	Lacking []Descriptor `json:"lacking,omitempty"` // what has to be loaded before, because it is not there or not whole
	Known   bool         `json:"known,omitempty"`   // it was here before
	Kernel  string       `json:"kernel,omitempty"`  // how kernel or initrd differ from the booted ones; "": not at all
}

// Import makes a generation one of this machine's, whose lacking blobs the inbox holds. Each blob is read again, and only what
// has the digest that the manifest names goes to the store. The record is written last: a power cut before leaves blobs without
// a generation, which the next collection removes, and never a generation without its blobs.
func (s *Switcher) Import(ctx context.Context, r ImportRequest) (Imported, error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	g, _, _, err := s.receive(r) // again: the keys may be others than at the check
	if err != nil {
		return Imported{}, err
	}
	found, err := s.lookFor(ctx, g)
	if err != nil || len(found.lacking) > 0 {
		return Imported{Lacking: found.lacking}, err
	}
	t, err := s.readArrived(g, found)
	if err != nil {
		return Imported{}, err
	}
	result := Imported{Kernel: g.otherKernel(s.image.generation)}
	record := s.recordNow()
	result.Known = record.named(g.Digest()) != nil
	if result.Lacking, err = s.takeIn(&t, found, s.keepSigned(g, r.Signed)); err != nil || len(result.Lacking) > 0 {
		return result, err
	}
	result.Number = t.number
	if err := s.Collect(); err != nil {
		s.keepNotes([]string{fmt.Sprintf("old generations were not collected: %v", err)})
	}
	return result, nil
}

// findings are where the blobs of a generation lie, having been read.
type findings struct {
	arrived []Descriptor // in the inbox, and durable
	stored  []Descriptor
	lacking []Descriptor
}

func (s *Switcher) lookFor(ctx context.Context, g Generation) (f findings, err error) {
	inbox, other := s.inbox(), s.elsewhere(g)
	for _, d := range distinct(g.Blobs()) {
		arrived, err := inbox.settle(d)
		if err != nil {
			return f, err
		}
		have, n, readErr := digestAt(s.disk, s.store.BlobPath(d.Digest), d.Size)
		_, there := other.there[d.Digest]
		switch {
		case arrived:
			f.arrived = append(f.arrived, d)
		case readErr == nil && have == d.Digest && n == d.Size:
			f.stored = append(f.stored, d)
		case !other.has(d):
			f.lacking = append(f.lacking, d)
		case !there:
			if err := s.loader.Extract(ctx, other.slots[d.Digest].slot, []Descriptor{d}, s.store); err != nil {
				return f, err
			}
			f.stored = append(f.stored, d)
		}
	}
	return f, nil
}

// settle says whether the inbox holds all of the blob, as its digest says, and makes that durable.
func (i *Inbox) settle(d Descriptor) (whole bool, err error) {
	f, err := i.disk.Open(i.blobPath(d.Digest), d.Size)
	if err != nil {
		return false, nil // it has to be loaded
	}
	defer f.Close()
	if have, n, err := digestOf(f); err != nil || have != d.Digest || n != d.Size {
		return false, nil
	}
	return true, f.Sync()
}

// readArrived reads the system.toml. That of a generation with another initrd is for the Bantam there, which may know more.
func (s *Switcher) readArrived(g Generation, f findings) (target, error) {
	t := target{generation: g}
	path := s.store.BlobPath(g.System.Digest)
	for _, d := range f.arrived {
		if d.Digest == g.System.Digest {
			path = s.inbox().blobPath(d.Digest)
		}
	}
	text, err := s.disk.ReadFile(path, system.MaxSize)
	if err != nil {
		return t, err
	}
	if have := DigestOf(text); have != g.System.Digest {
		return t, fmt.Errorf("its system.toml: %w: %s holds %s", ErrBlobCorrupt, path, have)
	}
	sys, problems := system.Parse("system.toml", text)
	if len(problems) > 0 && g.otherKernel(s.image.generation) == "" {
		return t, fmt.Errorf("its system.toml is not valid for this Bantam: %w", problemsError(problems))
	}
	if len(problems) == 0 && sys.Version != g.Release {
		return t, fmt.Errorf("its system.toml is version %d, its manifest says %d", sys.Version, g.Release)
	}
	t.text, t.system = text, sys
	return t, nil
}

// takeIn moves what has arrived into the store and adds the generation. lacking is what was collected meanwhile.
func (s *Switcher) takeIn(t *target, f findings, then func(*Record, int)) (lacking []Descriptor, err error) {
	s.storing.Lock()
	defer s.storing.Unlock()
	for _, d := range f.stored {
		if _, err := s.disk.Size(s.store.BlobPath(d.Digest)); err != nil {
			lacking = append(lacking, d)
		}
	}
	if len(lacking) > 0 {
		return lacking, nil
	}
	inbox := s.inbox()
	for _, d := range f.arrived {
		if err := atomicfile.Commit(s.disk, inbox.blobPath(d.Digest), s.store.BlobPath(d.Digest)); err != nil {
			return nil, err
		}
	}
	*t, err = s.addHeld(*t, importVerb, then)
	return nil, err
}

// leftInbox is how many bytes imports that were cut off have left, and removes them if that is asked for. What an import under
// way has loaded is not left.
func (s *Switcher) leftInbox(remove bool) (bytes int64, err error) {
	if s.inbox().size() == 0 || !s.taking.TryLock() {
		return 0, nil
	}
	defer s.taking.Unlock()
	inbox, err := openInbox(s.disk, s.dir)
	if errors.Is(err, ErrImporting) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer inbox.Close()
	bytes = inbox.size()
	if remove {
		err = inbox.Keep(nil)
	}
	return bytes, err
}
