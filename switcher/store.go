package switcher

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"bantam/atomicfile"
)

var (
	// ErrBlobMissing: the store does not hold the blob.
	ErrBlobMissing = errors.New("blob is missing")
	// ErrBlobCorrupt: the stored bytes do not have the digest that names them.
	ErrBlobCorrupt = errors.New("blob is corrupt")
)

const (
	createdAnnotation = "org.opencontainers.image.created"
	refAnnotation     = "org.opencontainers.image.ref.name"
	indexType         = "application/vnd.oci.image.index.v1+json"
	indexName         = "index.json"
	layoutName        = "oci-layout"
)

// Store is an OCI image layout that holds generations: oci-layout, index.json
// and blobs/sha256/. Every change is atomic and durable. One process changes a
// store at a time through one Store; on a host, others may add blobs meanwhile.
//
// On a device, kernels and initrd segments that the boot medium carries are not
// copied into the store, so a device's store is not complete by itself.
type Store struct {
	dir  string
	disk disk

	mu    sync.Mutex          // guards index.json and what follows
	named map[Digest][]Digest // the blobs of the generations whose manifests were read for a collection
	notes []string
}

// OpenStore opens the store in dir and makes one if there is none. It removes
// what a power cut left unfinished. An unreadable index is set aside as
// index.json.damaged and made again from the manifests found; Notes tells that,
// and what could not be repaired.
func OpenStore(dir string) (*Store, error) { return openStore(osDisk{}, dir) }

func openStore(d disk, dir string) (*Store, error) {
	s := &Store{dir: filepath.Clean(dir), disk: d}
	if err := makeDirs(d, s.blobDir()); err != nil {
		return nil, err
	}
	// A generation runs without what follows: on a full disk the default must boot.
	note := func(err error) {
		if err != nil {
			s.notes = append(s.notes, fmt.Sprintf("store: %v", err))
		}
	}
	for _, sub := range []string{s.dir, s.blobDir()} {
		note(atomicfile.RemoveTemps(d, sub))
	}
	layout := []byte(`{"imageLayoutVersion":"1.0.0"}`)
	if have, err := d.ReadFile(s.path(layoutName), int64(len(layout))); err != nil || !bytes.Equal(have, layout) {
		note(atomicfile.WriteOn(d, s.path(layoutName), layout, 0o644))
	}
	_, err := s.mendedIndex()
	note(err)
	return s, nil
}

// Notes returns what OpenStore had to repair, for people.
func (s *Store) Notes() []string { return s.notes }

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }
func (s *Store) blobDir() string         { return filepath.Join(s.dir, "blobs", "sha256") }

// BlobPath returns where the blob is or would be. d must be valid.
func (s *Store) BlobPath(d Digest) string { return filepath.Join(s.blobDir(), d.Hex()) }

// PutBlob stores what r gives and returns its digest and size. If r or the disk
// fails, e.g. with ENOSPC, the store is as before.
func (s *Store) PutBlob(r io.Reader) (Digest, int64, error) {
	hash := sha256.New()
	counted := &countingReader{r: io.TeeReader(r, hash)}
	temp, err := atomicfile.Temp(s.disk, s.blobDir(), counted, 0o644)
	if err != nil {
		return "", 0, fmt.Errorf("store blob: %w", err)
	}
	d := Digest(digestPrefix + hex.EncodeToString(hash.Sum(nil)))
	// Also when the blob is there already: the stored one may be corrupt, ours is not.
	if err := atomicfile.Commit(s.disk, temp, s.BlobPath(d)); err != nil {
		return "", 0, fmt.Errorf("store blob: %w", err)
	}
	return d, counted.n, nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// PutBytes stores data; an intact copy that is there already is not written again.
func (s *Store) PutBytes(data []byte) (Digest, error) {
	d := DigestOf(data)
	if have, err := s.blob(d, int64(len(data))); err == nil && len(have) == len(data) {
		return d, nil
	}
	_, _, err := s.PutBlob(bytes.NewReader(data))
	return d, err
}

// Blob returns the bytes named d, having checked that they are what d says.
// The error is ErrBlobMissing, ErrBlobCorrupt or one of the disk.
func (s *Store) Blob(d Digest) ([]byte, error) { return s.blob(d, maxBlob) }

// maxBlob is the largest blob that is read as a whole.
const maxBlob = 1 << 30

// blob is Blob for one that has at most so many bytes; else it is corrupt.
func (s *Store) blob(d Digest, most int64) ([]byte, error) {
	if !d.Valid() {
		return nil, fmt.Errorf("blob %q: not a digest", d)
	}
	path := s.BlobPath(d)
	data, err := s.disk.ReadFile(path, most)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s (not at %s)", ErrBlobMissing, d, path)
	}
	if errors.Is(err, errNotAFile) {
		return nil, fmt.Errorf("%w: %s: %w", ErrBlobCorrupt, d, err)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d, err)
	}
	if have := DigestOf(data); have != d {
		return nil, fmt.Errorf("%w: %s: %s holds %d bytes of %s", ErrBlobCorrupt, d, path, len(data), have)
	}
	return data, nil
}

// HasBlob says whether the store holds d, intact.
func (s *Store) HasBlob(d Digest) bool {
	if !d.Valid() {
		return false
	}
	have, _, err := digestAt(s.disk, s.BlobPath(d), maxBlob)
	return err == nil && have == d
}

// holds says why the store does not hold the blob; its bytes are not read.
func (s *Store) holds(b Descriptor) error {
	size, err := s.disk.Size(s.BlobPath(b.Digest))
	if err != nil || size != b.Size {
		return fmt.Errorf("%w: %s", ErrBlobMissing, b.Digest)
	}
	return nil
}

// verify says why a blob, which may be large, is not what its digest says.
func (s *Store) verify(b Descriptor) error {
	have, n, err := digestAt(s.disk, s.BlobPath(b.Digest), b.Size)
	if err != nil {
		return fmt.Errorf("blob %s: %w", b.Digest, err)
	}
	if have != b.Digest {
		return fmt.Errorf("%w: %s: %d bytes of %s", ErrBlobCorrupt, b.Digest, n, have)
	}
	return nil
}

// Generation reads the manifest named d.
func (s *Store) Generation(d Digest) (Generation, error) {
	data, err := s.blob(d, maxManifest)
	if err != nil {
		return Generation{}, err
	}
	g, err := ParseManifest(data)
	if err != nil {
		return Generation{}, fmt.Errorf("generation %s: %w", d.Short(), err)
	}
	return g, nil
}

// Collect removes the generations that keep does not name, and then every blob
// that no remaining generation names. A generation whose manifest is missing or
// corrupt stops nothing; one that another version of Bantam made keeps its blobs.
// If the disk fails to read one, nothing is removed: what it names is not known
// today. It returns the number of blobs removed.
func (s *Store) Collect(keep []Digest) (removed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := s.mendedIndex()
	if err != nil {
		return 0, err
	}
	garbage, err := s.garbage(keep)
	if err != nil {
		return 0, err
	}
	kept := map[Digest]bool{}
	for _, d := range keep {
		kept[d] = true
	}
	entries = slices.DeleteFunc(entries, func(e Descriptor) bool { return !kept[e.Digest] })
	if err := s.SetIndex(entries); err != nil { // first: a blob must not vanish under an entry
		return 0, err
	}
	for _, path := range garbage {
		if err := s.disk.Remove(path); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// Garbage is what Collect would remove.
func (s *Store) Garbage(keep []Digest) (blobs int, bytes int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	garbage, err := s.garbage(keep)
	for _, path := range garbage {
		size, err := s.disk.Size(path)
		if err != nil {
			return 0, 0, err
		}
		bytes += size
	}
	return len(garbage), bytes, err
}

// garbage lists the files of the blobs that no generation of keep names; each manifest is read once, so that a switch takes
// no longer where there are many. s.mu is held.
func (s *Store) garbage(keep []Digest) (paths []string, err error) {
	named := map[Digest]bool{DigestOf(emptyConfig): true}
	known := make(map[Digest][]Digest, len(keep))
	for _, d := range keep {
		blobs, read := s.named[d]
		if !read {
			data, err := s.blob(d, maxManifest)
			if errors.Is(err, ErrBlobMissing) || errors.Is(err, ErrBlobCorrupt) {
				named[d] = true
				continue // what a broken generation named is not known, and it can never run
			}
			if err != nil {
				return nil, err
			}
			var m manifest
			_ = json.Unmarshal(data, &m) // as much of it as can be understood
			for _, blob := range append(m.Layers, m.Config) {
				blobs = append(blobs, blob.Digest)
			}
		}
		known[d], named[d] = blobs, true
		for _, blob := range blobs {
			named[blob] = true
		}
	}
	s.named = known
	names, err := s.disk.List(s.blobDir())
	for _, name := range names {
		if d := Digest(digestPrefix + name); d.Valid() && !named[d] {
			paths = append(paths, filepath.Join(s.blobDir(), name))
		}
	}
	return paths, err
}
