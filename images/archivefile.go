package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"bantam/atomicfile"
	"bantam/oci"
	"bantam/switcher"
)

// WriteArchive writes a generation of a store, and its signatures, as an archive under the name of its board; it returns the archive's bytes. The store
// stays as it is meanwhile, whoever builds into it.
func WriteArchive(ctx context.Context, store string, d switcher.Digest, board, file string, progress Progress) (int64, error) {
	dir, err := os.Open(store)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	unlock, err := lockFile(ctx, dir, progress)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	defer unlock()
	progress.Step("writing %s", file)
	src := oci.OpenFolder(store, string(d))
	defer src.Close()
	var size int64
	err = atomicfile.WriteUnsyncedBy(file, 0o644, func(f *os.File) error {
		if err := oci.WriteArchive(ctx, f, board, whole{src}); err != nil {
			return err
		}
		size, err = f.Seek(0, io.SeekCurrent)
		return err
	})
	return size, err
}

// whole is a source of which nothing may be left out.
type whole struct{ oci.Source }

func (w whole) Blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	r, err := w.Source.Blob(ctx, d, from)
	if errors.Is(err, oci.ErrAbsent) {
		err = fmt.Errorf("%v; build again", err) // not ErrAbsent any more, which would leave it out
	}
	return r, err
}
