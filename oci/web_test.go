package oci

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bantam/http1/rawserver"
)

const shelf = "http://registry.example.org/shelf/pc.oci.tar?key=secret"

// ranged is a web server of one file that knows ranges.
func ranged(data []byte) func(request) answer {
	return func(r request) answer {
		var from, to int
		if n, _ := fmt.Sscanf(r.Field("Range"), "bytes=%d-%d", &from, &to); n != 2 || r.Path != "/shelf/pc.oci.tar?key=secret" {
			return rawserver.Say(404, "")
		}
		if from >= len(data) {
			return rawserver.Say(416, "")
		}
		to = min(to, len(data)-1)
		return rawserver.Say(206, string(data[from:to+1]), fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, len(data)))
	}
}

func TestAnArchiveOnAWebServerIsReadInItsParts(t *testing.T) {
	m := newMachine(3_000_000).sign()
	s, o := at(t, ranged(m.archived(t)))
	m.wantSame(t, open(t, shelf, o))
	if s.Dialed() != 1 {
		t.Errorf("%d connections", s.Dialed())
	}

	// Of what is not wanted nothing comes.
	s, o = at(t, ranged(m.archived(t)))
	src := open(t, shelf, o)
	if _, err := src.Manifest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := readBlob(t.Context(), src, m.kernel(), m.kernel().Size-10); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Requests()); n > 5 {
		t.Errorf("%d requests", n)
	}
	for _, r := range s.Requests() {
		var from, to int
		fmt.Sscanf(r.Field("Range"), "bytes=%d-%d", &from, &to)
		if to-from > webWindow {
			t.Errorf("asked for %s", r.Field("Range"))
		}
	}
}

func TestAnArchiveOnAWebServerWithoutRangesIsAStream(t *testing.T) {
	m := newMachine(3_000_000).sign()
	for claim, a := range map[string]answer{
		"with a length": rawserver.Say(200, string(m.archived(t))),
		"in chunks":     {Raw: fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(m.archived(t)), m.archived(t))},
		"until the end": {Raw: "HTTP/1.1 200 OK\r\n\r\n" + string(m.archived(t)), Close: true},
	} {
		t.Run(claim, func(t *testing.T) {
			s, o := at(t, func(request) answer { return a })
			m.wantSame(t, open(t, shelf, o))
			if len(s.Requests()) != 1 {
				t.Errorf("%d requests", len(s.Requests()))
			}
		})
	}
}

func TestAnArchiveThatIsNotThereOrLiesIsAClearError(t *testing.T) {
	m := newMachine(100_000)
	archive := m.archived(t)
	good := ranged(archive)
	calls := 0
	for _, c := range []struct {
		claim   string
		respond func(request) answer
		want    string
	}{
		{"absent", func(request) answer { return rawserver.Say(404, "") }, "http://registry.example.org/shelf/pc.oci.tar is not there (404 Some Reason)"},
		{"refused", func(request) answer { return rawserver.Say(403, "") }, "answers 403"},
		{"a part without its place", func(request) answer { return rawserver.Say(206, "x") }, "for its beginning"},
		{"a part without the whole length", func(request) answer { return rawserver.Say(206, "x", "Content-Range: bytes 0-0/*") }, "for its beginning"},
		{"the end for its beginning", func(request) answer { return rawserver.Say(206, "x", "Content-Range: bytes 5-5/6") }, "for its beginning"},
		{"less than it was asked for", func(request) answer { return rawserver.Say(206, "xx", "Content-Range: bytes 0-1/5000000") }, "sends 2 bytes for its first 16384"},
		{"a web page", func(request) answer { return rawserver.Say(200, "<!DOCTYPE html>") }, "no tar but HTML"},
		{"shorter than its length", func(r request) answer { return ranged(archive)(r) }, ""},
		{"ranges that are known once", func(r request) answer {
			if calls++; calls > 1 {
				return rawserver.Say(200, string(archive))
			}
			return good(r)
		}, ErrNoOffset.Error()},
		{"a file that shrinks", func(r request) answer {
			if calls++; calls > 1 {
				return rawserver.Say(416, "")
			}
			return good(r)
		}, ErrNoOffset.Error()},
	} {
		t.Run(c.claim, func(t *testing.T) {
			calls = 0
			_, o := at(t, c.respond)
			src, err := Open(t.Context(), shelf, o)
			if err == nil {
				err = readAll(t.Context(), src)
				src.Close()
			}
			if (err != nil) != (c.want != "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnArchiveWithOneWrongByteOnAWebServerIsNotTaken(t *testing.T) {
	m := newMachine(100_000)
	archive := m.archived(t)
	archive[bytes.Index(archive, []byte{7, 3, m.blobs[m.kernel().Digest][0]})+50_000]++
	_, o := at(t, ranged(archive))
	if _, err := readBlob(t.Context(), open(t, shelf, o), m.kernel(), 0); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v, want %v", err, ErrDigest)
	}
}
