package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/signature"
	"bantam/switcher"
)

// OpenFolder is Open for a layout's folder, whatever its path looks like, and the generation of that name or digest in it.
func OpenFolder(dir, name string) Source {
	return &layout{files: folder(dir), where: dir, name: name}
}

// SignatureOf is the manifest whose signatures an entry of an index stands for.
func SignatureOf(e switcher.Descriptor) (of switcher.Digest, ok bool) {
	name := e.Annotations[refName]
	if !isSignatureTag(name) {
		return "", false
	}
	return switcher.Digest("sha256:" + strings.TrimSuffix(strings.TrimPrefix(name, "sha256-"), ".sig")), true
}

// WithSignatures is an index without the signatures of manifests that are not in it, and with the kinds that cosign needs to find the others.
func WithSignatures(entries []switcher.Descriptor) (list []switcher.Descriptor) {
	there, signed := map[switcher.Digest]bool{}, map[switcher.Digest]bool{}
	for _, e := range entries {
		if of, ok := SignatureOf(e); ok {
			signed[of] = true
		} else {
			there[e.Digest] = true
		}
	}
	for _, e := range entries {
		of, isOf := SignatureOf(e)
		switch {
		case isOf && !there[of]:
			continue
		case isOf:
			e = withKind(e, signaturesKind)
		case signed[e.Digest]:
			e = withKind(e, imageKind)
		}
		list = append(list, e)
	}
	return list
}

func withKind(e switcher.Descriptor, kind string) switcher.Descriptor {
	annotations := maps.Clone(e.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[kindAnnotation] = kind
	e.Annotations = annotations
	return e
}

// PutSignatures puts signatures of a source's manifest, which has been read, where the source is. In a folder or archive they take the place of those that
// are there; in a registry, where others sign at the same time, they join them.
func PutSignatures(ctx context.Context, src Source, o Options, signed []signature.Signed) error {
	if r, ok := src.(*registry); ok {
		return r.putSignatures(ctx, o, signed)
	}
	l, ok := src.(*layout)
	if !ok {
		return errors.ErrUnsupported
	}
	if err := l.choose(ctx); err != nil {
		return fmt.Errorf("%s: %w", l.where, err)
	}
	switch f := l.files.(type) {
	case folder:
		return l.putInFolder(string(f), signed)
	case *archive:
		if _, local := f.tape.(fileTape); local {
			return l.rewrite(ctx, signed)
		}
	}
	return fmt.Errorf("%s: signatures are written only to folders and files here", l.where)
}

// putSignatures asks for the right to write, which reading did not need.
func (r *registry) putSignatures(ctx context.Context, o Options, signed []signature.Signed) error {
	w, err := openRegistry(r.ref, o, "pull,push")
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.pushSignatures(ctx, r.digest, signed); err != nil {
		return fmt.Errorf("%s: signatures: %w", r.ref, err)
	}
	return nil
}

func (l *layout) putInFolder(dir string, signed []signature.Signed) error {
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { // a build in the same folder
		return fmt.Errorf("flock %s: %w", dir, err)
	}
	store, err := switcher.OpenStore(dir)
	if err != nil {
		return err
	}
	return WriteSignatures(store, l.entry.Digest, signed)
}

// rewrite writes an archive anew, with these signatures.
func (l *layout) rewrite(ctx context.Context, signed []signature.Signed) error {
	for _, e := range l.index {
		if !isSignature(e) && e.Digest != l.entry.Digest {
			return fmt.Errorf("%s: it holds more than one generation; sign them in a folder, before they are archived", l.where)
		}
	}
	info, err := os.Stat(l.where)
	if err != nil {
		return err
	}
	return atomicfile.WriteUnsyncedBy(l.where, info.Mode().Perm(), func(w *os.File) error {
		if err := WriteArchive(ctx, w, cmp.Or(l.entry.Annotations[refName], "generation"), signedSource{l, signed}); err != nil {
			return err
		}
		return w.Sync() // it takes the place of one that may be the only one
	})
}

// signedSource is a source with other signatures.
type signedSource struct {
	Source
	signed []signature.Signed
}

func (s signedSource) Signatures(context.Context) ([]signature.Signed, error) { return s.signed, nil }
