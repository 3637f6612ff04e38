package switcher

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"bantam/atomicfile"
	"bantam/system"
)

// updateVerb is Entry.Verb of settings that were taken over to the kernel of another boot medium.
const updateVerb = "update"

// takeOver brings the default to the boot medium, where that has another kernel or initrd than the default was made
// for: the default's settings are composed with what was booted, and tried. Where they have been good together before,
// as when an older image is back, they are the default at once. Of a default that a boot medium delivered nobody has
// chosen the settings: this medium's own take its place, as soon as they are good.
//
// What fails stays the default: it runs again when the older image is back. The note is why it cannot be taken over.
//
// A default that is not here because its boot slot did not start is not taken over: see fellBack.
func (s *Switcher) takeOver(slots slotView) (note string, err error) {
	record := s.recordNow()
	def := record.entry(record.Default)
	if def == nil {
		return "", nil
	}
	g, text, err := s.readText(def.Digest)
	if err != nil || s.startable(g, Now) == nil || s.fellBack(slots) {
		return "", nil // that it cannot be read is told by the choice
	}
	to := s.image
	if def.Verb != ImageVerb {
		if to, err = s.compose(made{0, s.image.generation.Layers, s.image.system}, s.image.generation, "system.toml", text); err != nil {
			return fmt.Sprintf("the settings of generation %d are not valid for the Bantam of this image: %v", def.Number, err), nil
		}
	}
	e := record.named(to.generation.Digest())
	switch {
	case e == nil && def.Verb != ImageVerb, e != nil && e.State == StateUntried && record.Trying == nil:
		s.giveUpReserve()
		_, err = s.add(to, updateVerb, func(r *Record, number int) { r.Trying = &Trying{Generation: number, Left: bootTries} })
	case e != nil && e.State == StateGood: // also if boots pass it over, which is told then
		err = s.update(func(r *Record) { r.Default, r.Previous = e.Number, def.Number })
	}
	if err != nil {
		return "", fmt.Errorf("the settings of generation %d cannot be taken over to this image: %w", def.Number, err)
	}
	return "", nil
}

// keepAsDraft makes the default's settings the draft, if there is none: whoever mends them begins with what they are.
func (o *operation) keepAsDraft() bool {
	s := o.s
	path := filepath.Join(s.dir, draftName)
	if _, err := s.disk.ReadFile(path, system.MaxSize); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	text, err := s.Text(s.recordNow().Default)
	if err == nil {
		err = makeDirs(s.disk, filepath.Dir(path))
	}
	if err == nil {
		err = atomicfile.WriteOn(s.disk, path, text, private)
	}
	if err != nil {
		o.event(EventNote, "%v", err)
	}
	return err == nil
}

// fellBack says whether the boot slot that was booted holds what it held before: no new image has come, and what is not
// here lies in a slot that the boot loader did not start.
func (s *Switcher) fellBack(slots slotView) bool {
	return slots.booted != nil && s.recordNow().Slots[slots.booted.Name] == s.image.generation.BootID()
}

// settled says whether what was booted starts the default, or what is being tried: there is nothing to take over any more.
func (s *Switcher) settled(r *Record) bool {
	booted := s.image.generation.BootID()
	return s.bootIDOf(r, r.Default) == booted || r.Trying != nil && s.bootIDOf(r, r.Trying.Generation) == booted
}

// importImage makes the boot medium's own generation one of this machine's, repairing a damaged copy of it in the
// store. One never seen before is tried, as if `boot` had named it, unless somebody's own settings are the default:
// those are taken over.
func (o *operation) importImage(slots slotView) {
	s := o.s
	record := s.recordNow()
	def := record.entry(record.Default)
	unseen := s.image.number == 0
	note, err := s.takeOver(slots)
	if err != nil {
		o.event(EventNote, "%v", err)
	}
	if note != "" {
		if unseen && o.keepAsDraft() {
			note += "; they are the draft now, `bantam edit` shows what is wrong"
		}
		o.event(EventFail, "%s", note)
		s.noteBoot(note)
	}
	record = s.recordNow()
	tries := unseen && !s.fellBack(slots) && (def == nil || def.Verb == ImageVerb)
	notes := slots.booted != nil && !s.fellBack(slots) && (tries || s.settled(&record))
	var then func(*Record, int)
	if tries || notes {
		then = func(r *Record, number int) {
			if tries {
				r.Trying = &Trying{Generation: number, Left: bootTries}
			}
			if notes {
				r.holds(slots.booted.Name, s.image.generation.BootID())
			}
		}
	}
	t, err := s.add(s.image, ImageVerb, then)
	if err != nil {
		o.event(EventNote, "the boot medium's generation cannot be kept: %v", err)
		return
	}
	s.mu.Lock()
	s.image.number = t.number
	s.mu.Unlock()
}
