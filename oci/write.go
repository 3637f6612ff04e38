package oci

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"bantam/signature"
	"bantam/switcher"
)

// WriteArchive writes a generation as an OCI layout in a tar, its signatures beside it, under a name that OCI tools know it by (e.g. that of its board).
// index.json is in front and the blobs are in the order of the manifest, so that a stream of it can be read as well. Blobs that src says to be ErrAbsent
// are left out. The same generation and signatures give the same bytes.
func WriteArchive(ctx context.Context, w io.Writer, name string, src Source) error {
	raw, err := src.Manifest(ctx)
	if err != nil {
		return err
	}
	m, err := parseManifest(raw)
	if err != nil {
		return err
	}
	signed, err := src.Signatures(ctx)
	if err != nil {
		return err
	}
	x, small := indexed(name, raw, signed)
	out := archiveWriter{tar.NewWriter(w), make(map[string]bool)}
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := out.WriteHeader(&tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
	}
	if err := out.bytes("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if err := out.bytes("index.json", marshal(x)); err != nil {
		return err
	}
	for _, data := range small {
		if err := out.bytes(blobName(switcher.DigestOf(data)), data); err != nil {
			return err
		}
	}
	for _, d := range m.blobs() {
		if err := out.blob(ctx, src, d); err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
	}
	return out.Close()
}

// indexed is the index of a manifest under a name and of its signatures, and all blobs that are known with them.
func indexed(name string, raw []byte, signed []signature.Signed) (x index, small [][]byte) {
	entry := describe(manifestType, raw)
	entry.Annotations = map[string]string{refName: name}
	x = index{SchemaVersion: 2, MediaType: indexType, Manifests: switcher.Descriptors{entry}}
	small = [][]byte{raw}
	if len(signed) == 0 {
		return x, small
	}
	x.Manifests[0].Annotations[kindAnnotation] = imageKind
	sigs, config := SignatureManifest(signed)
	of := describe(manifestType, sigs)
	of.Annotations = map[string]string{refName: SignatureTag(entry.Digest), kindAnnotation: signaturesKind}
	x.Manifests = append(x.Manifests, of)
	return x, append(append(small, sigs, config), payloads(signed)...)
}

// archiveWriter writes each file once.
type archiveWriter struct {
	*tar.Writer
	done map[string]bool
}

// begin says whether the file is still to be written, and begins it.
func (a *archiveWriter) begin(name string, size int64) (bool, error) {
	if a.done[name] {
		return false, nil
	}
	a.done[name] = true
	return true, a.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size, Format: tar.FormatUSTAR})
}

func (a *archiveWriter) bytes(name string, data []byte) error {
	if ok, err := a.begin(name, int64(len(data))); !ok || err != nil {
		return err
	}
	_, err := a.Write(data)
	return err
}

func (a *archiveWriter) blob(ctx context.Context, src Source, d switcher.Descriptor) error {
	if a.done[blobName(d.Digest)] {
		return nil
	}
	r, err := src.Blob(ctx, d, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := a.begin(blobName(d.Digest), d.Size); err != nil {
		return err
	}
	n, err := io.Copy(a, check(r, d, 0)) // src may be somebody's who does not check
	if err == nil && n != d.Size {
		err = ErrShort
	}
	if err != nil {
		return fmt.Errorf("write archive: blob %s: %w", d.Digest.Short(), err)
	}
	return nil
}
