package switcher

import (
	"errors"
	"fmt"
	"strings"

	"bantam/signature"
)

// Export is what a generation consists of, for who carries it elsewhere.
type Export struct {
	Name     string             `json:"name"` // of its board: what OCI tools shall know it by
	Manifest []byte             `json:"manifest"`
	Signed   []signature.Signed `json:"signed,omitempty"` // with which it came here
	Config   []byte             `json:"config"`
	Blobs    []Here             `json:"blobs"` // in the order of the manifest
}

// Here is where a blob can be read on this machine.
type Here struct {
	Descriptor
	Path   string `json:"path,omitempty"`   // of a file or a device; "": nowhere, see Fault
	Offset int64  `json:"offset,omitempty"` // in that
	Fault  string `json:"fault,omitempty"`  // why it is nowhere
}

// Export says where the blobs of a generation are. Only the store is known here: kernel and segments may be in a slot, layers
// on the boot medium.
func (s *Switcher) Export(number int) (Export, error) {
	record := s.recordNow()
	e := record.entry(number)
	if e == nil {
		return Export{}, noGeneration(number)
	}
	g, _, err := s.readText(e.Digest)
	if err != nil {
		return Export{}, err
	}
	config, _ := g.Config()
	x := Export{Name: g.Board, Manifest: g.Manifest(), Config: config, Signed: e.Signed}
	slots, inSlots := s.elsewhere(g).slots, slotPlaces{loader: s.loader}
	for _, d := range distinct(g.Blobs()) {
		here := Here{Descriptor: d}
		inSlot, held := slots[d.Digest]
		size, err := s.disk.Size(s.store.BlobPath(d.Digest))
		switch {
		case err == nil && size == d.Size:
			here.Path = s.store.BlobPath(d.Digest)
		case held:
			here.Path, here.Offset, err = inSlots.find(inSlot.slot, d)
		default:
			err = errNowhere
		}
		if here.Path == "" {
			here.Fault = err.Error()
		}
		x.Blobs = append(x.Blobs, here)
	}
	return x, nil
}

var errNowhere = errors.New("it is on the boot medium, where only the boot loader finds it; the build host has it")

// blobPlacer is a boot loader that knows where blobs lie.
type blobPlacer interface {
	// Places are where the blobs of a slot's generation begin in a file or device. Whoever reads one checks its digest.
	Places(slot string) (path string, offsets map[Digest]int64, err error)
}

// slotPlaces asks a boot loader once for each slot.
type slotPlaces struct {
	loader BootLoader
	known  map[string]places
}

type places struct {
	path    string
	offsets map[Digest]int64
	err     error
}

// find says where a blob that a slot should hold is.
func (s *slotPlaces) find(slot string, d Descriptor) (path string, offset int64, err error) {
	loader, can := s.loader.(blobPlacer)
	if !can {
		return "", 0, errNowhere
	}
	p, asked := s.known[slot]
	if !asked {
		p.path, p.offsets, p.err = loader.Places(slot)
		if s.known == nil {
			s.known = map[string]places{}
		}
		s.known[slot] = p
	}
	offset, held := p.offsets[d.Digest]
	switch {
	case p.err != nil:
		return "", 0, p.err
	case !held:
		return "", 0, fmt.Errorf("boot slot %s: %w: %s", slot, ErrBlobMissing, d.Digest.Short())
	}
	return p.path, offset, nil
}

// Spoken says for people what a blob is, e.g. package libc6 2.36-9, kernel 6.1.0-40-amd64.
func (d Descriptor) Spoken() string {
	version := d.Annotations[VersionAnnotation]
	switch d.MediaType {
	case SystemType:
		return "system.toml"
	case KernelType, InitrdType:
		return spokenBlob(d)
	case LayerType:
		return strings.TrimSpace(spokenLayer(d.LayerName()) + " " + version)
	}
	return "blob " + d.Digest.Short()
}
