package switcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"bantam/atomicfile"
)

// index is OCI's index.json; the field order is that of the bytes we write.
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []Descriptor `json:"manifests"`
}

// PutGeneration stores g's manifest and names it in the index, replacing an
// entry of the same digest. It does not look whether g's blobs are there.
// A zero created is left out, for reproducible stores. The annotation
// org.opencontainers.image.ref.name gives it a name that OCI tools can use.
func (s *Store) PutGeneration(g Generation, created time.Time, annotations map[string]string) (Digest, error) {
	config, _ := g.Config()
	if _, err := s.PutBytes(config); err != nil {
		return "", err
	}
	data := g.Manifest()
	d, err := s.PutBytes(data)
	if err != nil {
		return "", err
	}
	entry := Descriptor{MediaType: manifestType, Digest: d, Size: int64(len(data)), Annotations: map[string]string{}}
	for k, v := range annotations {
		entry.Annotations[k] = v
	}
	if !created.IsZero() {
		entry.Annotations[createdAnnotation] = created.UTC().Format(time.RFC3339)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := s.mendedIndex() // read again: on a host another build may have added one
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(entries, func(e Descriptor) bool { return e.Digest == d })
	if at < 0 {
		at = len(entries)
		entries = append(entries, entry)
	}
	entries[at] = entry // in its old place, so that nothing is written if nothing is new
	ref := entry.Annotations[refAnnotation]
	entries = slices.DeleteFunc(entries, func(e Descriptor) bool {
		return e.Digest != d && ref != "" && e.Annotations[refAnnotation] == ref // a name means one thing
	})
	return d, s.SetIndex(entries)
}

var errIndexDamaged = errors.New("index is damaged")

// Index returns the entries of index.json.
func (s *Store) Index() ([]Descriptor, error) {
	data, err := s.disk.ReadFile(s.path(indexName), maxFile)
	if errors.Is(err, errNotAFile) {
		return nil, fmt.Errorf("%w: %w", errIndexDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	var x index
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errIndexDamaged, s.path(indexName), err)
	}
	if x.SchemaVersion != 2 {
		return nil, fmt.Errorf("%w: %s: schema version %d, want 2", errIndexDamaged, s.path(indexName), x.SchemaVersion)
	}
	for _, e := range x.Manifests {
		if !e.Digest.Valid() {
			return nil, fmt.Errorf("%w: %s: bad digest %q", errIndexDamaged, s.path(indexName), e.Digest)
		}
	}
	return x.Manifests, nil
}

// SetIndex replaces the entries of index.json; nothing is written if they are the same.
func (s *Store) SetIndex(entries []Descriptor) error {
	if entries == nil {
		entries = []Descriptor{} // "manifests": null is not valid OCI
	}
	data, err := json.Marshal(index{SchemaVersion: 2, MediaType: indexType, Manifests: entries})
	if err != nil {
		return fmt.Errorf("%s: %w", s.path(indexName), err)
	}
	if have, err := s.disk.ReadFile(s.path(indexName), maxFile); err == nil && bytes.Equal(have, data) {
		return nil
	}
	return atomicfile.WriteOn(s.disk, s.path(indexName), data, 0o644)
}

// mendedIndex is Index, made again from the manifests among the blobs if it is damaged or missing.
func (s *Store) mendedIndex() ([]Descriptor, error) {
	entries, err := s.Index()
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errIndexDamaged) {
		return entries, err
	}
	found, scanErr := s.scanManifests()
	if scanErr != nil {
		return nil, scanErr
	}
	if errors.Is(err, errIndexDamaged) {
		aside := s.path(indexName + ".damaged")
		if err := s.disk.Rename(s.path(indexName), aside); err != nil {
			return nil, err
		}
		s.notes = append(s.notes, fmt.Sprintf("%v; kept as %s, made again with %s", err, aside, count(len(found), "generation", "generations")))
	}
	return found, s.SetIndex(found)
}

func (s *Store) scanManifests() ([]Descriptor, error) {
	names, err := s.disk.List(s.blobDir())
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var found []Descriptor
	for _, name := range names {
		d := Digest(digestPrefix + name)
		if !d.Valid() {
			continue
		}
		data, err := s.blob(d, maxManifest)
		if err != nil {
			continue // not readable, so not a generation that could run
		}
		if _, err := ParseManifest(data); err == nil {
			found = append(found, Descriptor{MediaType: manifestType, Digest: d, Size: int64(len(data))})
		}
	}
	return found, nil
}
