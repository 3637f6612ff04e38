package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"bantam/signature"
	"bantam/switcher"
)

// files is what an OCI layout lies in: a folder, an archive or a stream. A name is e.g. index.json or blobs/sha256/<hex>; the error
// for one that is not there wraps fs.ErrNotExist.
type files interface {
	read(ctx context.Context, name string, most int64) ([]byte, error)
	open(ctx context.Context, name string, from int64) (io.ReadCloser, error)
	Close() error
}

// layout is one generation of an OCI layout.
type layout struct {
	files
	where string // for people, e.g. the archive's path
	name  string // the entry's ref.name or digest; "" where there is one generation

	index []switcher.Descriptor // once read
	entry switcher.Descriptor
}

func blobName(d switcher.Digest) string { return "blobs/sha256/" + d.Hex() }

func (l *layout) Manifest(ctx context.Context) ([]byte, error) {
	if err := l.choose(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", l.where, err)
	}
	raw, err := l.small(ctx, l.entry, MaxManifest)
	if err != nil {
		return nil, fmt.Errorf("%s: manifest: %w", l.where, err)
	}
	if _, err := parseManifest(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", l.where, err)
	}
	return raw, nil
}

func (l *layout) Signatures(ctx context.Context) ([]signature.Signed, error) {
	if err := l.choose(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", l.where, err)
	}
	tag, manifests := SignatureTag(l.entry.Digest), 0
	var all []signature.Signed
	for _, e := range l.index {
		if e.Annotations[refName] != tag {
			continue
		}
		some, err := l.signaturesOf(ctx, e)
		all = append(all, some...)
		if manifests++; err == nil && max(manifests, len(all)) > signature.MaxSigned { // each may be the same again, and cost nothing but our memory
			err = fmt.Errorf("more than %d", signature.MaxSigned)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: signatures: %w", l.where, err)
		}
	}
	return all, nil
}

// signaturesOf reads those that one entry of the index stands for.
func (l *layout) signaturesOf(ctx context.Context, e switcher.Descriptor) ([]signature.Signed, error) {
	raw, err := l.small(ctx, e, MaxManifest)
	if err != nil {
		return nil, err
	}
	return readSignatures(raw, func(d switcher.Descriptor) ([]byte, error) { return l.small(ctx, d, signature.MaxPayload) })
}

func (l *layout) Blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	r, err := l.blob(ctx, d, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.where, err)
	}
	return r, nil
}

func (l *layout) blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	if !d.Digest.Valid() || from < 0 || from > d.Size {
		return nil, fmt.Errorf("blob %.80q: byte %d of %d", d.Digest, from, d.Size)
	}
	r, err := l.open(ctx, blobName(d.Digest), from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s %w", d.Digest.Short(), ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest.Short(), err)
	}
	return check(r, d, from), nil
}

func (l *layout) small(ctx context.Context, d switcher.Descriptor, most int64) ([]byte, error) {
	r, err := l.blob(ctx, d, 0)
	if err != nil {
		return nil, err
	}
	return readSmall(r, d, most)
}

// choose finds the generation in the index.
func (l *layout) choose(ctx context.Context) error {
	if l.index != nil {
		return nil
	}
	data, err := l.read(ctx, "index.json", maxIndex)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no OCI image layout: it has no index.json")
	}
	if err != nil {
		return err
	}
	list, err := parseIndex(data)
	if err != nil {
		return err
	}
	l.entry, err = chooseEntry(list, l.name)
	if err == nil {
		l.index = list
	}
	return err
}

func parseIndex(data []byte) ([]switcher.Descriptor, error) {
	var x index
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if x.SchemaVersion != 2 {
		return nil, fmt.Errorf("index.json: schema version %d, want 2", x.SchemaVersion)
	}
	for i, e := range x.Manifests {
		if !e.Digest.Valid() || e.Size < 0 {
			return nil, fmt.Errorf("index.json: entry %d: bad digest %.80q or size %d", i, e.Digest, e.Size)
		}
	}
	return x.Manifests, nil
}

// chooseEntry finds the entry of a name or digest, or the only one, in an index. Signatures are nobody's choice.
func chooseEntry(list []switcher.Descriptor, name string) (switcher.Descriptor, error) {
	list = slices.DeleteFunc(slices.Clone(list), isSignature)
	if name != "" {
		at := slices.IndexFunc(list, func(e switcher.Descriptor) bool { return e.Annotations[refName] == name || string(e.Digest) == name })
		if at >= 0 {
			return list[at], nil
		}
		return switcher.Descriptor{}, fmt.Errorf("it holds no %.80q, only %s", name, entryNames(list))
	}
	switch len(list) {
	case 0:
		return switcher.Descriptor{}, errors.New("it holds no generation")
	case 1:
		return list[0], nil
	}
	return switcher.Descriptor{}, fmt.Errorf("it holds %d generations: name one, as in oci:FOLDER:NAME or oci-archive:FILE:NAME; there are %s", len(list), entryNames(list))
}

func isSignature(e switcher.Descriptor) bool {
	return e.Annotations[kindAnnotation] == signaturesKind || isSignatureTag(e.Annotations[refName])
}

// entryNames lists what can be chosen, for people.
func entryNames(list []switcher.Descriptor) string {
	const most = 12
	var names []string
	for _, e := range list[:min(len(list), most)] {
		name := e.Annotations[refName]
		if name == "" {
			name = string(e.Digest)
		}
		names = append(names, fmt.Sprintf("%.80q", name))
	}
	if len(list) > most {
		names = append(names, "...")
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
