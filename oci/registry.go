package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"bantam/http1"
	"bantam/signature"
	"bantam/switcher"
)

// registry is one repository of a registry that speaks OCI distribution 1.1.
type registry struct {
	client *http1.Client
	ref    Reference
	login  func(host string) (user, password string)
	rights string // that a token is asked for, e.g. pull or pull,push

	secret string // value of Authorization, once the registry has asked for one
	digest switcher.Digest
}

// errNotFound: the registry does not have it.
var errNotFound = errors.New("is not there")

func (r *registry) Manifest(ctx context.Context) ([]byte, error) {
	name := r.ref.Tag
	if r.ref.Digest != "" {
		name = string(r.ref.Digest)
	}
	raw, err := r.manifest(ctx, name, r.ref.Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.ref, err)
	}
	if _, err := parseManifest(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", r.ref, err)
	}
	r.digest = switcher.DigestOf(raw)
	return raw, nil
}

// manifest reads a manifest by its tag or digest; want is "" where any may come.
func (r *registry) manifest(ctx context.Context, name string, want switcher.Digest) ([]byte, error) {
	answer, err := r.get(ctx, "manifests/"+name, http1.Field{Name: "Accept", Value: manifestType + ", " + indexType})
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer answer.Body.Close()
	if answer.Status != 200 {
		return nil, fmt.Errorf("manifest: %w", refused(answer))
	}
	if answer.Length > MaxManifest {
		return nil, fmt.Errorf("manifest: %d bytes, the limit is %d", answer.Length, MaxManifest)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, MaxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if len(raw) > MaxManifest {
		return nil, fmt.Errorf("manifest: more than %d bytes, which is the limit", MaxManifest)
	}
	have := switcher.DigestOf(raw)
	if want == "" { // what the registry says of it; other hashes than SHA-256 say nothing to us
		if said := switcher.Digest(answer.Field("Docker-Content-Digest")); said.Valid() {
			want = said
		}
	}
	if want != "" && have != want {
		return nil, fmt.Errorf("manifest %s: %w", want.Short(), ErrDigest)
	}
	return raw, nil
}

func (r *registry) Signatures(ctx context.Context) ([]signature.Signed, error) {
	if r.digest == "" {
		if _, err := r.Manifest(ctx); err != nil {
			return nil, err
		}
	}
	raw, err := r.manifest(ctx, SignatureTag(r.digest), "")
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	var list []signature.Signed
	if err == nil {
		list, err = readSignatures(raw, func(d switcher.Descriptor) ([]byte, error) {
			body, err := r.blob(ctx, d, 0)
			if err != nil {
				return nil, err
			}
			return readSmall(body, d, signature.MaxPayload)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: signatures: %w", r.ref, err)
	}
	return list, nil
}

func (r *registry) Blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	body, err := r.blob(ctx, d, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.ref, err)
	}
	return body, nil
}

func (r *registry) blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	if !d.Digest.Valid() || from < 0 || from > d.Size {
		return nil, fmt.Errorf("blob %.80q: byte %d of %d", d.Digest, from, d.Size)
	}
	if from == d.Size {
		return check(io.NopCloser(strings.NewReader("")), d, from), nil
	}
	body, err := fromByte(from, d.Size, func(fields ...http1.Field) (*http1.Response, error) {
		return r.get(ctx, "blobs/"+string(d.Digest), fields...)
	})
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest.Short(), err)
	}
	return check(body, d, from), nil
}

func (r *registry) Close() error { return r.client.Close() }

// get asks for something of the repository, with a token if the registry wants one, and takes answers of success alone.
func (r *registry) get(ctx context.Context, path string, fields ...http1.Field) (*http1.Response, error) {
	to := r.ref.base()
	to.Path += path
	answer, err := r.ask(ctx, &http1.Request{Method: "GET", URL: to, Fields: fields}, r.client.Follow)
	if err != nil {
		return nil, err
	}
	if answer.Status == 200 || answer.Status == 206 || answer.Status == 416 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, refused(answer)
}

// ask sends a request with what the registry has asked for before, and once more if it asks now.
func (r *registry) ask(ctx context.Context, q *http1.Request, send func(context.Context, *http1.Request) (*http1.Response, error)) (*http1.Response, error) {
	own := http1.Origin(q.URL) == http1.Origin(r.ref.base()) // an upload may lead elsewhere, where our token is nobody's business
	for again := false; ; again = true {
		if own {
			q.Secret = r.secret
		}
		answer, err := send(ctx, q)
		if err != nil || answer.Status != 401 || again || !own || http1.Origin(answer.URL) != http1.Origin(q.URL) {
			return answer, err
		}
		answer.Body.Close()
		if r.secret, err = r.authorize(ctx, answer.All("WWW-Authenticate")); err != nil {
			return nil, err
		}
	}
}

// refused says what a registry says when it does not do what it was asked.
func refused(a *http1.Response) error {
	said := problems(a)
	switch {
	case a.Status == 404:
		return fmt.Errorf("%w%s", errNotFound, said)
	case a.Status == 401 || a.Status == 403:
		return fmt.Errorf("the registry does not allow it%s", said)
	case a.Status == 429:
		return fmt.Errorf("the registry wants to be asked less often%s", said)
	}
	return fmt.Errorf("the registry answers %d %s%s", a.Status, a.Reason, said)
}
