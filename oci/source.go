package oci

import (
	"context"
	"errors"
	"io"

	"bantam/signature"
	"bantam/switcher"
)

// Source is a place that one generation comes from. Its methods are called one at a time, and what Blob gave is closed before the next one.
type Source interface {
	// Manifest reads the manifest of the generation, of at most MaxManifest bytes.
	Manifest(ctx context.Context) (raw []byte, err error)
	// Signatures reads what cosign or Bantam has put beside the generation; none is not an error. Nothing of it is checked but its size and digest.
	Signatures(ctx context.Context) ([]signature.Signed, error)
	// Blob reads a blob of the manifest from a byte on. Where that is 0, the last Read fails with ErrDigest if the bytes are others than d says; fewer
	// or more bytes fail always. The error is ErrNoOffset where the source cannot begin there: ask again from 0.
	Blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error)
	Close() error
}

// Why a source does not give what it is asked for. The text around them is for people.
var (
	ErrNoOffset = errors.New("it cannot be read from there on")
	ErrDigest   = errors.New("its bytes are not those that its digest names")
	ErrShort    = errors.New("it has ended early")
	// ErrAbsent: the source has the manifest, and not this blob, as one that was exported in part.
	ErrAbsent = errors.New("is not there")
	// ErrOrder: what can be read only once, as a pipe, has come by already or comes too late.
	ErrOrder = errors.New("is not in the order in which a stream must be")
)

// Bounds of what is read into memory.
const (
	MaxManifest = 256 << 10 // bytes of the manifest of a generation, or of its signatures
	maxIndex    = 4 << 20   // bytes of an index.json; a device's store has some 300 for each generation
)
