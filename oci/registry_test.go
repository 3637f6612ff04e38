package oci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"bantam/http1"
	"bantam/http1/rawserver"
	"bantam/signature"
	"bantam/switcher"
)

type (
	request = rawserver.Request
	answer  = rawserver.Answer
)

// honest is a registry of one machine, without passwords.
func (m *machine) honest(r request) answer {
	const base = "/v2/pc/"
	path, ok := strings.CutPrefix(r.Path, base)
	if !ok {
		return rawserver.Say(404, "")
	}
	if digest, ok := strings.CutPrefix(path, "blobs/"); ok {
		data, ok := m.blobs[switcher.Digest(digest)]
		if !ok {
			return rawserver.Say(404, `{"errors":[{"code":"BLOB_UNKNOWN","message":"no such blob"}]}`)
		}
		var from, to int
		if n, _ := fmt.Sscanf(r.Field("Range"), "bytes=%d-%d", &from, &to); n == 2 {
			return rawserver.Say(206, string(data[from:to+1]), fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, len(data)))
		}
		return rawserver.Say(200, string(data))
	}
	if path == "manifests/1" || path == "manifests/"+string(m.digest()) {
		return rawserver.Say(200, string(m.raw), "Docker-Content-Digest: "+string(m.digest()))
	}
	return rawserver.Say(404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such \u001b[2J manifest"}]}`)
}

// kernel is the descriptor of the machine's kernel.
func (m *machine) kernel() switcher.Descriptor {
	g, err := switcher.ParseManifest(m.raw)
	if err != nil {
		panic(err)
	}
	return g.Kernel
}

const somewhere = "registry.example.org:80"

// at is a registry that answers so, as http://registry.example.org/pc:1.
func at(t *testing.T, respond func(request) answer) (*rawserver.Server, Options) {
	t.Helper()
	s := rawserver.New(t)
	s.Host(somewhere, nil, respond)
	return s, Options{AllowHTTP: true, Dial: s.Dial}
}

func TestAnHonestRegistryIsRead(t *testing.T) {
	m := newMachine(100_000)
	_, o := at(t, m.honest)
	m.wantSame(t, open(t, "http://registry.example.org/pc:1", o))
	m.wantSame(t, open(t, "http://registry.example.org/pc@"+string(m.digest()), o))
}

// Each of these is the answer to a blob or manifest; all else is honest.
func TestAHostileRegistryIsAClearErrorAndNothingIsTakenForGood(t *testing.T) {
	m := newMachine(100_000)
	d := m.kernel()
	kernel := string(m.blobs[d.Digest])
	half := d.Size / 2
	span := fmt.Sprintf("Content-Range: bytes %d-%d/%d", half, d.Size-1, d.Size)
	for _, c := range []struct {
		claim string
		path  string // beginning of the path that is answered so
		give  answer
		from  int64
		want  error  // "": no error
		say   string // in its text
	}{
		{"a wrong byte", "blobs/", rawserver.Say(200, "x"+kernel[1:]), 0, ErrDigest, ""},
		{"too few bytes, and it says so", "blobs/", rawserver.Say(200, kernel[1:]), 0, ErrShort, "100001 bytes of 100002"},
		{"too few bytes, and it lies", "blobs/", answer{Raw: fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", d.Size, kernel[1:]), Close: true}, 0, io.ErrUnexpectedEOF, ErrShort.Error()},
		{"too few bytes without a length", "blobs/", answer{Raw: "HTTP/1.1 200 OK\r\n\r\n" + kernel[1:], Close: true}, 0, ErrShort, ""},
		{"too many bytes, and it says so", "blobs/", rawserver.Say(200, kernel+"x"), 0, ErrDigest, ""},
		{"too many bytes without a length", "blobs/", answer{Raw: "HTTP/1.1 200 OK\r\n\r\n" + kernel + "x", Close: true}, 0, ErrDigest, "more than"},
		{"exactly right without a length", "blobs/", answer{Raw: "HTTP/1.1 200 OK\r\n\r\n" + kernel, Close: true}, 0, nil, ""},
		{"bytes without an end", "blobs/", answer{Raw: "HTTP/1.1 200 OK\r\n\r\n", More: flood}, 0, ErrDigest, ""},
		{"in chunks", "blobs/", answer{Raw: fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", d.Size, kernel)}, 0, nil, ""},
		{"a web page", "blobs/", rawserver.Say(200, "<html>Log in to the hotel"), 0, ErrShort, ""},
		{"no such blob", "blobs/", rawserver.Say(404, ""), 0, errNotFound, ""},
		{"a fault of its own", "blobs/", rawserver.Say(500, "<html>"), 0, nil, "answers 500 Some Reason"},
		{"too often", "blobs/", rawserver.Say(429, ""), 0, nil, "less often"},
		{"a part that nobody wanted", "blobs/", rawserver.Say(206, kernel, fmt.Sprintf("Content-Range: bytes 0-%d/%d", d.Size-1, d.Size)), 0, nil, ""},
		{"the second half", "blobs/", rawserver.Say(206, kernel[half:], span), half, nil, ""},
		{"all for the second half", "blobs/", rawserver.Say(200, kernel), half, nil, ""},
		{"another part", "blobs/", rawserver.Say(206, kernel[1:], fmt.Sprintf("Content-Range: bytes 1-%d/%d", d.Size-1, d.Size)), half, ErrNoOffset, "bytes 1-"},
		{"a part without its place", "blobs/", rawserver.Say(206, kernel[half:]), half, ErrNoOffset, ""},
		{"a part of a place that is none", "blobs/", rawserver.Say(206, kernel[half:], "Content-Range: bytes 5-4/*"), half, ErrNoOffset, ""},
		{"no such part", "blobs/", rawserver.Say(416, "", fmt.Sprintf("Content-Range: bytes */%d", half)), half, ErrNoOffset, "answers 416"},
		{"a part that is too short", "blobs/", rawserver.Say(206, kernel[half+1:], span), half, ErrShort, ""},
		{"all, but too short, for the second half", "blobs/", answer{Raw: "HTTP/1.1 200 OK\r\n\r\n" + kernel[:9], Close: true}, half, ErrShort, ""},
		{"a manifest that says 50 MB", "manifests/", answer{Raw: "HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n", Hang: true}, 0, nil, "52428800 bytes, the limit is 262144"},
		{"a manifest without an end", "manifests/", answer{Raw: "HTTP/1.1 200 OK\r\n\r\n", More: flood}, 0, nil, "more than 262144 bytes"},
		{"a manifest in chunks without an end", "manifests/", answer{Raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", More: flood}, 0, nil, "more than 262144 bytes"},
		{"a part of a manifest", "manifests/", rawserver.Say(206, string(m.raw), "Content-Range: bytes 0-1/2"), 0, nil, "answers 206"},
		{"a manifest that has another digest than it says", "manifests/", rawserver.Say(200, string(m.raw)+" ", "Docker-Content-Digest: "+string(m.digest())), 0, ErrDigest, ""},
		{"a web page as manifest", "manifests/", rawserver.Say(200, "<html>"), 0, nil, "manifest: invalid character"},
		{"an index as manifest", "manifests/", rawserver.Say(200, `{"schemaVersion":2,"mediaType":"`+indexType+`"}`), 0, nil, "several images"},
		{"a manifest of another kind", "manifests/", rawserver.Say(200, `{"schemaVersion":2,"mediaType":"x/y"}`), 0, nil, "unknown type"},
		{"a manifest whose blobs lead out", "manifests/", rawserver.Say(200, `{"schemaVersion":2,"config":{"digest":"sha256:../../x"}}`), 0, nil, "bad digest"},
		{"no such tag", "manifests/", rawserver.Say(404, ""), 0, errNotFound, ""},
		{"what it says is harmless", "manifests/1", m.honest(request{Path: "/v2/pc/manifests/9"}), 0, errNotFound, "MANIFEST_UNKNOWN, no such ?[2J manifest"},
		{"a redirect to a file", "manifests/", rawserver.Say(302, "", "Location: file:///etc/passwd"), 0, nil, "no address"},
		{"a redirect round and round", "blobs/", rawserver.Say(307, "", "Location: /v2/pc/blobs/"+string(d.Digest)), 0, nil, "more than 10 times"},
		{"a signature manifest of 50 MB", "manifests/sha256-", answer{Raw: "HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n", Hang: true}, 0, nil, "signatures: manifest: 52428800 bytes"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			_, o := at(t, func(r request) answer {
				if strings.HasPrefix(r.Path, "/v2/pc/"+c.path) {
					return c.give
				}
				return m.honest(r)
			})
			src := open(t, "http://registry.example.org/pc:1", o)
			err := readAll(t.Context(), src)
			if c.from > 0 {
				var got []byte
				if got, err = readBlob(t.Context(), src, d, c.from); err == nil && string(got) != kernel[c.from:] {
					t.Errorf("%d bytes of something else", len(got))
				}
			} else if c.path == "blobs/" {
				var got []byte
				if got, err = readBlob(t.Context(), src, d, 0); err == nil && string(got) != kernel {
					t.Errorf("%d bytes of something else", len(got))
				}
			}
			switch {
			case c.want == nil && c.say == "" && err != nil:
				t.Errorf("got %v", err)
			case (c.want != nil || c.say != "") && (err == nil || !strings.Contains(err.Error(), c.say) || c.want != nil && c.want != io.ErrUnexpectedEOF && !errors.Is(err, c.want)):
				t.Errorf("got %v, want %v, %q", err, c.want, c.say)
			}
		})
	}
}

// flood writes for ever.
func flood(w io.Writer) {
	block := bytes.Repeat([]byte{'{'}, 32<<10)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func TestByDigestNothingElseIsTaken(t *testing.T) {
	m, other := newMachine(100), newMachine(200)
	_, o := at(t, func(r request) answer {
		if strings.Contains(r.Path, "/manifests/") {
			return rawserver.Say(200, string(other.raw), "Docker-Content-Digest: "+string(m.digest()))
		}
		return m.honest(r)
	})
	if _, err := open(t, "http://registry.example.org/pc@"+string(m.digest()), o).Manifest(t.Context()); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v, want %v", err, ErrDigest)
	}
}

func TestAStalledRegistryIsGivenUp(t *testing.T) {
	m := newMachine(100_000)
	_, o := at(t, func(r request) answer {
		if strings.Contains(r.Path, "/blobs/") {
			return answer{Raw: "HTTP/1.1 200 OK\r\n\r\nhel", Hang: true}
		}
		return m.honest(r)
	})
	o.Patience = 20 * time.Millisecond
	if _, err := readBlob(t.Context(), open(t, "http://registry.example.org/pc:1", o), m.kernel(), 0); !errors.Is(err, http1.ErrStalled) {
		t.Errorf("got %v, want %v", err, http1.ErrStalled)
	}
}

// guarded is a registry that wants this in Authorization, and says so.
func (m *machine) guarded(want, challenge string) func(request) answer {
	return func(r request) answer {
		if r.Field("Authorization") != want {
			return rawserver.Say(401, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`, "WWW-Authenticate: "+challenge)
		}
		return m.honest(r)
	}
}

const bearer = `Bearer realm="http://auth.example.org/token?a=b",service="registry",scope="repository:all:*"`

func TestATokenIsGotOnceAndForWhatIsNeeded(t *testing.T) {
	m := newMachine(100)
	s, o := at(t, m.guarded("Bearer abc", bearer))
	s.Host("auth.example.org:80", nil, func(r request) answer { return rawserver.Say(200, `{"access_token":"abc","expires_in":60}`) })
	m.wantSame(t, open(t, "http://registry.example.org/pc:1", o))
	asked := 0
	for _, r := range s.Requests() {
		if r.Address != "auth.example.org:80" {
			continue
		}
		asked++
		if want := "/token?a=b&scope=" + url.QueryEscape("repository:pc:pull") + "&service=registry"; r.Path != want || r.Field("Authorization") != "" {
			t.Errorf("asked for %s with %q, want %s", r.Path, r.Field("Authorization"), want)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestATokenThatHasExpiredIsRenewed(t *testing.T) {
	m := newMachine(100)
	valid := "1"
	s, o := at(t, func(r request) answer { return m.guarded("Bearer "+valid, bearer)(r) })
	s.Host("auth.example.org:80", nil, func(r request) answer { return rawserver.Say(200, `{"token":"`+valid+`"}`) })
	src := open(t, "http://registry.example.org/pc:1", o)
	if _, err := src.Manifest(t.Context()); err != nil {
		t.Fatal(err)
	}
	valid = "2"
	if _, err := readBlob(t.Context(), src, m.kernel(), 0); err != nil {
		t.Error(err)
	}
}

func TestTokenServersThatLieGetNothing(t *testing.T) {
	token := func(body string) answer { return rawserver.Say(200, body) }
	for claim, c := range map[string]struct {
		challenge string
		give      answer
		want      string
	}{
		"no token":                        {bearer, token(`{}`), "gives no token"},
		"no JSON":                         {bearer, token(`<html>`), "gives no token"},
		"a token with a line feed":        {bearer, token(`{"token":"a\r\nX-Header: b"}`), "gives no token"},
		"a token of 100 kB":               {bearer, token(`{"token":"` + strings.Repeat("a", 100_000) + `"}`), "gives no token"},
		"a token of 100 MB":               {bearer, answer{Raw: "HTTP/1.1 200 OK\r\n\r\n{\"token\":\"", More: flood}, "gives no token"},
		"a token that is not good":        {bearer, token(`{"token":"wrong"}`), "does not allow it (UNAUTHORIZED, who are you?)"},
		"a refusal":                       {bearer, rawserver.Say(403, ""), "token server auth.example.org: the registry does not allow it"},
		"a challenge of its own":          {bearer, rawserver.Say(401, "", "WWW-Authenticate: "+bearer), "token server auth.example.org"},
		"a redirect to a file":            {bearer, rawserver.Say(302, "", "Location: file:///etc/passwd"), "no address"},
		"no realm":                        {"Bearer service=x", token(""), "no token server"},
		"a realm that is no address":      {`Bearer realm="gopher://x"`, token(""), "no token server"},
		"a realm with a password":         {`Bearer realm="http://a:b@auth.example.org/"`, token(""), "no token server"},
		"a challenge without an end":      {`Bearer realm="http://auth.example.org/`, token(""), "not how"},
		"a login that nobody knows":       {"Negotiate", token(""), "not known"},
		"a password, and there is none":   {`Basic realm="x"`, token(""), "skopeo login registry.example.org"},
		"a realm on a port of this host":  {`Bearer realm="http://auth.example.org:9/x"`, token(""), "connection refused"},
		"nothing that could be a token":   {bearer, token(`{"token":7}`), "gives no token"},
		"a login without saying for what": {"", token(""), "not known"},
	} {
		t.Run(claim, func(t *testing.T) {
			m := newMachine(100)
			s, o := at(t, m.guarded("Bearer abc", c.challenge))
			s.Host("auth.example.org:80", nil, func(request) answer { return c.give })
			if _, err := open(t, "http://registry.example.org/pc:1", o).Manifest(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if n := len(s.Requests()); n > 4 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// A registry hands blobs out by a redirect to a store of others, which often says 401 or 403.
func TestNeitherTokenNorPasswordGoesToWhereARegistryRedirects(t *testing.T) {
	m := newMachine(100_000)
	s, o := at(t, func(r request) answer {
		if r.Field("Authorization") == "" {
			return rawserver.Say(401, "", "WWW-Authenticate: "+bearer)
		}
		if strings.Contains(r.Path, "/blobs/") {
			return rawserver.Say(307, "", "Location: http://cdn.example.net"+r.Path+"?X-Signature=1")
		}
		return m.honest(r)
	})
	s.Host("auth.example.org:80", nil, func(r request) answer { return rawserver.Say(200, `{"token":"abc"}`) })
	s.Host("cdn.example.net:80", nil, func(r request) answer {
		r.Path, _, _ = strings.Cut(r.Path, "?")
		return m.honest(r)
	})
	m.wantSame(t, open(t, "http://registry.example.org/pc:1", o))
	s.Host("cdn.example.net:80", nil, func(request) answer {
		return rawserver.Say(401, "", `WWW-Authenticate: Bearer realm="http://evil.example.net/token"`)
	})
	o.Login = func(string) (string, string) { return "me", "secret" }
	o.Dial = s.Dial
	src := open(t, "http://registry.example.org/pc:1", o)
	if _, err := readBlob(t.Context(), src, m.kernel(), 0); err == nil {
		t.Error("a blob from nowhere")
	}
	for _, r := range s.Requests() {
		if r.Address == "cdn.example.net:80" && r.Field("Authorization") != "" || r.Address == "evil.example.net:80" || strings.HasPrefix(r.Field("Authorization"), "Basic") {
			t.Errorf("%s got %q", r.Address, r.Field("Authorization"))
		}
	}
}

func TestAPasswordNeverGoesWhereEverybodyCanReadIt(t *testing.T) {
	m := newMachine(100)
	for claim, challenge := range map[string]string{"to the registry": `Basic realm="x"`, "to a token server": bearer} {
		t.Run(claim, func(t *testing.T) {
			s, o := at(t, m.guarded("Basic bWU6c2VjcmV0", challenge))
			o.Login = func(string) (string, string) { return "me", "secret" }
			if _, err := open(t, "http://registry.example.org/pc:1", o).Manifest(t.Context()); err == nil || !strings.Contains(err.Error(), "does not go over http://") {
				t.Errorf("got %v", err)
			}
			for _, r := range s.Requests() {
				if r.Field("Authorization") != "" {
					t.Errorf("%s got %q", r.Address, r.Field("Authorization"))
				}
			}
		})
	}
}

// Whoever is on the way to a registry without TLS can say that its token server is his, and that has a good certificate.
func TestAPasswordGoesToNoTokenServerThatWasNamedWithoutTLS(t *testing.T) {
	m := newMachine(100)
	s, o := at(t, m.guarded("Bearer abc", `Bearer realm="https://evil.example.net/token"`))
	asked := 0
	s.Host("evil.example.net:443", nil, func(request) answer { asked++; return rawserver.Say(200, `{"token":"abc"}`) })
	o.Login = func(string) (string, string) { return "me", "secret" }
	o.Secure = func(c net.Conn, _ string) (net.Conn, error) { return c, nil }
	if _, err := open(t, "http://registry.example.org/pc:1", o).Manifest(t.Context()); err == nil || !strings.Contains(err.Error(), "does not go over http:// to registry.example.org") {
		t.Errorf("got %v", err)
	}
	if asked != 0 {
		t.Error("the token server was asked")
	}
}

func TestOnlyTheMachineItselfIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "127.1": false, "127.999.0.1": false,
		"127.example.org": false, "192.0.2.1": false, "0.0.0.0": false, "": false} {
		if isLoopback(host) != want {
			t.Errorf("%q: want %t", host, want)
		}
	}
}

func TestSignaturesThatAreNoneAreNoErrorAndOthersHaveBounds(t *testing.T) {
	m := newMachine(100)
	payload := []byte(`{"critical":{}}`)
	layer := describe(signature.PayloadType, payload)
	manifestOf := func(layers ...switcher.Descriptor) string {
		return string(marshal(manifest{SchemaVersion: 2, MediaType: manifestType, Config: describe(configType, nil), Layers: layers}))
	}
	with := func(text string) switcher.Descriptor {
		d := layer
		d.Annotations = map[string]string{signature.Annotation: text}
		return d
	}
	other := with("eA==")
	other.MediaType = "application/x"
	large := with("eA==")
	large.Size = signature.MaxPayload + 1
	var many []switcher.Descriptor
	for range signature.MaxSigned + 1 {
		many = append(many, with("eA=="))
	}
	absent := with("eA==")
	absent.Digest = switcher.DigestOf([]byte("absent"))
	for claim, c := range map[string]struct {
		text string
		n    int
		want string
	}{
		"one":                  {manifestOf(with("eA==")), 1, ""},
		"layers of others":     {manifestOf(other, with("eA==")), 1, ""},
		"without a signature":  {manifestOf(layer), 0, ""},
		"not base64":           {manifestOf(with("!")), 0, ""},
		"too large":            {manifestOf(large), 0, ""},
		"too many":             {manifestOf(many...), 0, "more than 16"},
		"a payload is missing": {manifestOf(absent), 0, "is not there"},
		"no manifest":          {"{}", 0, "schema version"},
	} {
		t.Run(claim, func(t *testing.T) {
			m.blobs[layer.Digest] = payload
			_, o := at(t, func(r request) answer {
				if strings.HasSuffix(r.Path, "manifests/"+SignatureTag(m.digest())) {
					return rawserver.Say(200, c.text)
				}
				return m.honest(r)
			})
			list, err := open(t, "http://registry.example.org/pc:1", o).Signatures(t.Context())
			if len(list) != c.n || (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v, want %d, %q", list, err, c.n, c.want)
			}
		})
	}
}

func TestHTTPIsOnlyTakenByWhoAllowsIt(t *testing.T) {
	for _, word := range []string{"http://registry.example.org/pc:1", "http://nas.example.org/pc.tar"} {
		if _, err := Open(t.Context(), word, Options{}); err == nil || !strings.Contains(err.Error(), "signatures are checked") {
			t.Errorf("%s: got %v", word, err)
		}
	}
}

func TestChallengesAreReadAsRegistriesWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"`: `Bearer realm=https://auth.docker.io/token service=registry.docker.io`,
		`bearer realm=https://a/t, Service="a \"b\""`:                                                               `bearer realm=https://a/t service=a "b"`,
		`Bearer realm="x", realm="y"`:                                                                               `Bearer realm=x service=`,
		`Bearer realm="x", Basic realm="y"`:                                                                         `Bearer realm=x service=`,
		`Basic realm="x", Negotiate`:                                                                                `Basic realm=x service=`,
		`Basic`:                                                                                                     `Basic realm= service=`,
		`Bearer realm = "x" , service = y`:                                                                          `Bearer realm=x service=y`,
	} {
		c, err := parseChallenge(text)
		if got := fmt.Sprintf("%s realm=%s service=%s", c.scheme, c.parameters["realm"], c.parameters["service"]); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{`Bearer realm="x`, `Bearer realm="x\`} {
		if c, err := parseChallenge(text); err == nil {
			t.Errorf("%s: got %v", text, c)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(bearer)
	f.Add(`Basic realm="a\"b", charset=UTF-8`)
	f.Fuzz(func(t *testing.T, text string) { _, _ = parseChallenge(text) })
}
