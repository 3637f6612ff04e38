package oci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"

	"bantam/http1"
)

// webTape is an archive on a web server that knows ranges.
type webTape struct {
	client *http1.Client
	url    *url.URL
	size   int64
	first  []byte // how it begins
}

// withoutQuery is for people: an address's query may hold a secret.
func withoutQuery(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// openWeb asks for the beginning of an archive. Of a server that knows no ranges that is all of it: a stream.
func openWeb(ctx context.Context, client *http1.Client, u *url.URL) (files, error) {
	answer, err := client.Follow(ctx, &http1.Request{Method: "GET", URL: u, Fields: []http1.Field{{Name: "Range", Value: fmt.Sprintf("bytes=0-%d", webWindow-1)}}})
	if err != nil {
		return nil, err
	}
	switch answer.Status {
	case 200:
		return newStream(both{answer.Body, client}), nil
	case 206:
		defer answer.Body.Close()
		start, total, err := answer.Part()
		if err != nil || start != 0 || total < 0 {
			return nil, fmt.Errorf("%s: the server sends %.60q for its beginning", withoutQuery(u), answer.Field("Content-Range"))
		}
		first, err := io.ReadAll(io.LimitReader(answer.Body, webWindow))
		if err != nil {
			return nil, err
		}
		if want := min(total, webWindow); int64(len(first)) != want {
			return nil, fmt.Errorf("%s: the server sends %d bytes for its first %d", withoutQuery(u), len(first), want)
		}
		return &archive{tape: &webTape{client, u, total, first}, window: webWindow}, nil
	case 404, 410:
		answer.Body.Close()
		return nil, fmt.Errorf("%s is not there (%d %s)", withoutQuery(u), answer.Status, answer.Reason)
	}
	answer.Body.Close()
	return nil, fmt.Errorf("%s: the server answers %d %s", withoutQuery(u), answer.Status, answer.Reason)
}

func (w *webTape) part(ctx context.Context, from, n int64) (io.ReadCloser, error) {
	if n = min(n, w.size-from); n <= 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if from+n <= int64(len(w.first)) {
		return io.NopCloser(bytes.NewReader(w.first[from : from+n])), nil
	}
	return fromByte(from, from+n, func(fields ...http1.Field) (*http1.Response, error) {
		answer, err := w.client.Follow(ctx, &http1.Request{Method: "GET", URL: w.url, Fields: fields})
		if err == nil && answer.Status == 200 && from > 0 {
			answer.Body.Close()
			err = fmt.Errorf("%w: the server knew ranges, and now it does not", ErrNoOffset)
		}
		return answer, err
	})
}

func (w *webTape) Close() error { return w.client.Close() }

// both is a body that is closed with its client.
type both struct {
	io.ReadCloser
	client *http1.Client
}

func (b both) Close() error {
	err := b.ReadCloser.Close()
	b.client.Close()
	return err
}
