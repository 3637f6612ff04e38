package switcher

import (
	"path/filepath"
	"slices"

	"bantam/atomicfile"
)

// A full state volume keeps nobody from going back: a file holds some room, which is given up for a switch to a
// generation that is there already, and for the removal of generations.
const (
	reserveName = "store/reserve" // below the state folder, where no name is anybody else's
	reserveSize = 128 << 10
	spareRoom   = 1 << 20 // what else must be free when the reserve is made: it shall not be what fills the volume
)

// giveUpReserve makes room for what brings no new generation, if there is none, as far as the reserve goes.
func (s *Switcher) giveUpReserve() {
	need, err := s.roomFor()
	if err != nil {
		return
	}
	if free, err := s.disk.Free(s.dir); err != nil || free >= need {
		return
	}
	_ = s.disk.Remove(filepath.Join(s.dir, reserveName)) // what is still missing is told by what needs it
}

// hasReserve says whether there is something to give up.
func (s *Switcher) hasReserve() bool {
	names, err := s.disk.List(filepath.Join(s.dir, filepath.Dir(reserveName)))
	return err == nil && slices.Contains(names, filepath.Base(reserveName))
}

// keepReserve makes the reserve if there is none and room for it. Where it cannot be made there is none, as on a full volume.
func (s *Switcher) keepReserve() {
	if s.hasReserve() {
		return
	}
	if free, err := s.disk.Free(s.dir); err != nil || free < reserveSize+spareRoom {
		return
	}
	_ = atomicfile.WriteOn(s.disk, filepath.Join(s.dir, reserveName), make([]byte, reserveSize), private)
}
