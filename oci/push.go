package oci

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"

	"bantam/http1"
	"bantam/signature"
	"bantam/switcher"
)

// Pushed is what a push has done.
type Pushed struct {
	Reference  Reference       // of the tag that was set
	Digest     switcher.Digest // of the manifest
	Blobs      int             // that the generation has
	Sent, Had  int64           // bytes of blobs that were sent, and that the registry had already
	SentBlobs  int
	Signatures int // that lie beside it now
}

// Push copies a generation and its signatures to a registry: first the blobs that it lacks, then the signatures, which join those that are there, and
// at last the manifest under its tag. So what the tag names is whole at any time. told, if not nil, hears how many of the bytes that have to be sent are.
func Push(ctx context.Context, word string, o Options, src Source, told func(done, total int64)) (p Pushed, err error) {
	r, err := openToPush(word, o)
	if err != nil {
		return p, err
	}
	defer r.Close()
	p.Reference = r.ref
	raw, err := src.Manifest(ctx)
	if err != nil {
		return p, err
	}
	m, err := parseManifest(raw)
	if err != nil {
		return p, err
	}
	signed, err := src.Signatures(ctx)
	if err != nil {
		return p, err
	}
	p.Digest = switcher.DigestOf(raw)
	if err := r.pushBlobs(ctx, m.blobs(), src, &p, told); err != nil {
		return p, fmt.Errorf("%s: %w", r.ref, err)
	}
	if p.Signatures, err = r.pushSignatures(ctx, p.Digest, signed); err != nil {
		return p, fmt.Errorf("%s: signatures: %w", r.ref, err)
	}
	if err := r.pushManifest(ctx, r.ref.Tag, raw); err != nil {
		return p, fmt.Errorf("%s: %w", r.ref, err)
	}
	return p, nil
}

func openToPush(word string, o Options) (*registry, error) {
	ref, err := ParseReference(word)
	if err != nil {
		return nil, err
	}
	if ref.Digest != "" {
		return nil, fmt.Errorf("%s: push takes a tag, HOST/REPOSITORY:TAG; the digest follows from what is pushed", ref)
	}
	return openRegistry(ref, o, "pull,push")
}

func (r *registry) pushBlobs(ctx context.Context, blobs []switcher.Descriptor, src Source, p *Pushed, told func(done, total int64)) error {
	var lacking []switcher.Descriptor
	var total int64
	for _, d := range blobs {
		has, err := r.has(ctx, d)
		if err != nil {
			return fmt.Errorf("blob %s: %w", d.Digest.Short(), err)
		}
		p.Blobs++
		if has {
			p.Had += d.Size
			continue
		}
		lacking, total = append(lacking, d), total+d.Size
	}
	for _, d := range lacking {
		before := p.Sent
		err := r.upload(ctx, d, func() (io.ReadCloser, error) {
			p.Sent = before // it may be asked twice
			body, err := src.Blob(ctx, d, 0)
			if err != nil {
				return nil, err
			}
			return &heard{check(body, d, 0), func(n int) {
				if p.Sent += int64(n); told != nil {
					told(p.Sent, total)
				}
			}}, nil
		})
		if err != nil {
			return fmt.Errorf("blob %s: %w", d.Digest.Short(), err)
		}
		p.SentBlobs++
	}
	return nil
}

// heard is a body whose bytes are counted.
type heard struct {
	io.ReadCloser
	count func(int)
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.count(n)
	return n, err
}

// has asks whether the registry has a blob.
func (r *registry) has(ctx context.Context, d switcher.Descriptor) (bool, error) {
	to := r.ref.base()
	to.Path += "blobs/" + string(d.Digest)
	answer, err := r.ask(ctx, &http1.Request{Method: "HEAD", URL: to}, r.client.Follow)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	switch {
	case answer.Status == 404:
		return false, nil
	case answer.Status != 200:
		return false, refused(answer)
	}
	return answer.Length < 0 || answer.Length == d.Size, nil
}

// upload sends a blob in one piece (distribution 1.1, "POST then PUT").
func (r *registry) upload(ctx context.Context, d switcher.Descriptor, body func() (io.ReadCloser, error)) error {
	to := r.ref.base()
	to.Path += "blobs/uploads/"
	answer, err := r.ask(ctx, &http1.Request{Method: "POST", URL: to}, r.client.Do)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.Status == 404 {
		return fmt.Errorf("the registry takes nothing there; it may be read-only, or none: %w", refused(answer))
	}
	if answer.Status != 202 {
		return refused(answer)
	}
	if to, err = http1.Redirect(to, answer.Field("Location")); err != nil {
		return fmt.Errorf("the registry says where to send it: %w", err)
	}
	answer.Body.Close()
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += "digest=" + url.QueryEscape(string(d.Digest))
	q := &http1.Request{Method: "PUT", URL: to, Body: body, Length: d.Size, Fields: []http1.Field{{Name: "Content-Type", Value: "application/octet-stream"}}}
	if answer, err = r.ask(ctx, q, r.client.Do); err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.Status != 201 {
		return refused(answer)
	}
	return nil
}

// pushManifest is for manifests of at most MaxManifest bytes, whose blobs are there.
func (r *registry) pushManifest(ctx context.Context, tag string, raw []byte) error {
	to := r.ref.base()
	to.Path += "manifests/" + tag
	answer, err := r.ask(ctx, &http1.Request{Method: "PUT", URL: to, Body: inMemory(raw), Length: int64(len(raw)),
		Fields: []http1.Field{{Name: "Content-Type", Value: manifestType}}}, r.client.Do)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	defer answer.Body.Close()
	if answer.Status != 201 {
		return fmt.Errorf("manifest: %w", refused(answer))
	}
	if said := switcher.Digest(answer.Field("Docker-Content-Digest")); said.Valid() && said != switcher.DigestOf(raw) {
		return fmt.Errorf("manifest: the registry has made another of it, %s: %w", said.Short(), ErrDigest)
	}
	return nil
}

// pushSignatures returns how many there are now.
func (r *registry) pushSignatures(ctx context.Context, d switcher.Digest, signed []signature.Signed) (int, error) {
	if len(signed) == 0 {
		return 0, nil
	}
	r.digest = d
	there, err := r.Signatures(ctx)
	if err != nil {
		return 0, err
	}
	all := slices.Clone(there)
	for _, s := range signed {
		if !slices.ContainsFunc(all, s.Equal) {
			all = append(all, s)
		}
	}
	if len(all) == len(there) {
		return len(all), nil
	}
	if len(all) > signature.MaxSigned {
		return 0, fmt.Errorf("there would be %d, and a device looks at no more than %d", len(all), signature.MaxSigned)
	}
	raw, config := SignatureManifest(all)
	for _, data := range append([][]byte{config}, payloads(all)...) {
		of := describe("", data)
		has, err := r.has(ctx, of)
		if err == nil && !has {
			err = r.upload(ctx, of, inMemory(data))
		}
		if err != nil {
			return 0, err
		}
	}
	return len(all), r.pushManifest(ctx, SignatureTag(d), raw)
}

func payloads(signed []signature.Signed) (list [][]byte) {
	for _, s := range signed {
		list = append(list, s.Payload)
	}
	return list
}

// WriteSignatures puts signatures of the generation with this digest into a layout, in the place of those that are there.
func WriteSignatures(store *switcher.Store, d switcher.Digest, signed []signature.Signed) error {
	raw, config := SignatureManifest(signed)
	for _, data := range append([][]byte{raw, config}, payloads(signed)...) {
		if _, err := store.PutBytes(data); err != nil {
			return err
		}
	}
	entries, err := store.Index()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(entries, func(e switcher.Descriptor) bool { return e.Digest == d })
	if at < 0 {
		return fmt.Errorf("generation %s %w", d.Short(), ErrAbsent)
	}
	of := describe(manifestType, raw)
	of.Annotations = map[string]string{refName: SignatureTag(d), kindAnnotation: signaturesKind}
	if entries[at].Annotations == nil {
		entries[at].Annotations = make(map[string]string)
	}
	entries[at].Annotations[kindAnnotation] = imageKind
	entries = slices.DeleteFunc(entries, func(e switcher.Descriptor) bool { return e.Annotations[refName] == SignatureTag(d) })
	return store.SetIndex(append(entries, of))
}
