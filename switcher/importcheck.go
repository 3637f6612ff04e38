package switcher

import (
	"fmt"

	"bantam/signature"
	"bantam/system"
)

// ImportRequest is a generation that shall come to this machine.
type ImportRequest struct {
	Manifest  []byte
	Signed    []signature.Signed // found beside it
	Downgrade bool               // an older one than what has been good here is taken, too
}

// ImportCheck is what an import has to move.
type ImportCheck struct {
	Number  int          `json:"number,omitempty"` // it is one of this machine's
	Blobs   int          `json:"blobs"`            // that it has
	Lacking []Descriptor `json:"lacking"`          // blobs to be loaded, in the order of the manifest
	Need    int64        `json:"need"`             // bytes of the state volume, beside what has been loaded before
	Free    int64        `json:"free"`             // bytes that it has
	Signed  bool         `json:"signed"`           // by a key of [trust] of the running system
	Note    string       `json:"note"`             // who has signed it, and what was overridden
	Kernel  string       `json:"kernel,omitempty"` // how kernel or initrd differ from the booted ones; "": not at all
}

// CheckImport says what has to be loaded for a generation, or why it is refused. Nothing is written.
func (s *Switcher) CheckImport(r ImportRequest) (ImportCheck, error) {
	g, signed, note, err := s.receive(r)
	if err != nil {
		return ImportCheck{}, err
	}
	check := ImportCheck{Lacking: []Descriptor{}, Signed: signed, Note: note, Kernel: g.otherKernel(s.image.generation)}
	record := s.recordNow()
	if e := record.named(g.Digest()); e != nil {
		check.Number = e.Number
	}
	other, copied, blobs := s.elsewhere(g), int64(0), distinct(g.Blobs())
	check.Blobs = len(blobs)
	for _, d := range blobs {
		if size, err := s.disk.Size(s.store.BlobPath(d.Digest)); err == nil && size == d.Size {
			continue
		}
		if !other.has(d) {
			check.Lacking = append(check.Lacking, d)
		} else if _, there := other.there[d.Digest]; !there {
			copied += d.Size + diskBlock
		}
	}
	return check, s.checkImportSpace(g, &check, copied)
}

// admit says whether the generation of that manifest can come here at all.
func (s *Switcher) admit(g Generation, manifest []byte) error {
	if have := DigestOf(manifest); have != g.Digest() { // its digest would be another in the store, and its signatures' would not fit
		return fmt.Errorf("manifest: %s was written by another program than Bantam, which would name the same generation %s", have.Short(), g.Digest().Short())
	}
	for _, d := range g.Blobs() {
		if d.Size > largestBlob {
			return fmt.Errorf("blob %s: %d bytes are too many", d.Digest.Short(), d.Size)
		}
	}
	if g.System.Size > system.MaxSize {
		return fmt.Errorf("its system.toml has %d bytes, the limit is %d", g.System.Size, system.MaxSize)
	}
	when := Now
	if g.BootID() != s.image.generation.BootID() {
		when = NextBoot
	}
	withoutLayers := g // they are on their way
	withoutLayers.Layers = nil
	if err := s.startable(withoutLayers, when); err != nil {
		return fmt.Errorf("this generation cannot run here: %w", err)
	}
	if when == NextBoot {
		return s.fitsSlot(g)
	}
	return nil
}

// fitsSlot says whether some slot can take kernel and initrd.
func (s *Switcher) fitsSlot(g Generation) error {
	slots, err := s.BootSlots()
	for _, slot := range slots {
		if slot.Booted {
			continue
		}
		if err = s.loader.Fits(slot.Name, Staging{Generation: g, System: make([]byte, g.System.Size)}); err == nil {
			return nil
		}
	}
	return err
}

// elsewhere is what lies outside of the store and the inbox.
type elsewhere struct {
	there map[Digest]int64    // sizes of what need not be in the store: on the boot medium, or in a slot that holds this very kernel
	slots map[Digest]slotBlob // what slots hold; it can be copied
}

type slotBlob struct {
	slot string
	size int64
}

// has says that the blob need not come over a line.
func (e elsewhere) has(d Descriptor) bool {
	size, there := e.there[d.Digest]
	b, inSlot := e.slots[d.Digest]
	return there && size == d.Size || inSlot && b.size == d.Size
}

// elsewhere looks where else blobs of g are.
func (s *Switcher) elsewhere(g Generation) elsewhere {
	e := elsewhere{map[Digest]int64{}, map[Digest]slotBlob{}}
	booted, id := s.image.generation, g.BootID()
	for _, d := range g.Layers {
		if s.onMedium(d.Digest) {
			e.there[d.Digest] = d.Size
		}
	}
	if booted.BootID() == id {
		for _, d := range g.BootBlobs() {
			e.there[d.Digest] = d.Size
		}
	}
	slots, err := s.BootSlots()
	if err != nil {
		return e // then more has to be loaded
	}
	for _, slot := range slots {
		if slot.Fault != "" {
			continue // nobody knows what is left of it
		}
		holds := s.startedBy(slot)
		if slot.Boot == id {
			holds = g.BootBlobs()
		}
		for _, d := range holds {
			e.slots[d.Digest] = slotBlob{slot.Name, d.Size}
			if slot.Boot == id {
				e.there[d.Digest] = d.Size
			}
		}
	}
	return e
}

// distinct leaves out blobs that have been named before.
func distinct(blobs []Descriptor) (list []Descriptor) {
	seen := map[Digest]bool{}
	for _, d := range blobs {
		if !seen[d.Digest] {
			list = append(list, d)
		}
		seen[d.Digest] = true
	}
	return list
}

// checkImportSpace makes sure that all of it fits, and after it a switch and the way back.
func (s *Switcher) checkImportSpace(g Generation, check *ImportCheck, copied int64) error {
	if len(check.Lacking) == 0 && copied == 0 && check.Number != 0 {
		return nil
	}
	need, err := s.roomFor(int(g.System.Size), len(g.Manifest()))
	if err != nil {
		return err
	}
	inbox := s.inbox()
	for _, d := range check.Lacking {
		need += d.Size + diskBlock
	}
	need += copied + spareRoom - inbox.Loaded(check.Lacking)
	if !s.hasReserve() {
		need += reserveSize
	}
	free, err := s.disk.Free(s.dir)
	if err != nil {
		return err
	}
	free += inbox.size() - inbox.Loaded(check.Lacking) // what others left is removed first
	check.Need, check.Free = need, free
	if free < need {
		return fmt.Errorf("the state volume %s is too full: it has %d kB free, this generation needs %d kB; `bantam generations delete` and `bantam gc` make room, and files of your own there may be in the way",
			s.dir, free>>10, (need+1023)>>10)
	}
	return nil
}

// inbox is the one that imports fill, to be looked at.
func (s *Switcher) inbox() *Inbox { return inboxBelow(s.disk, s.dir) }

// size is how many bytes the inbox holds.
func (i *Inbox) size() (bytes int64) {
	names, err := i.disk.List(i.blobDir())
	if err != nil {
		return 0 // there has never been an import
	}
	for _, name := range names {
		if size, err := i.disk.Size(i.blobPathOf(name)); err == nil {
			bytes += size
		}
	}
	return bytes
}
