package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"bantam/http1/rawserver"
)

// one is a server at nas.example.org:80 and a client of it.
func one(t *testing.T, respond func(rawserver.Request) rawserver.Answer) (*rawserver.Server, *Client) {
	t.Helper()
	s := rawserver.New(t)
	s.Host("nas.example.org:80", nil, respond)
	c := &Client{Dial: s.Dial, UserAgent: "bantam"}
	t.Cleanup(func() { c.Close() })
	return s, c
}

func always(a rawserver.Answer) func(rawserver.Request) rawserver.Answer {
	return func(rawserver.Request) rawserver.Answer { return a }
}

func raw(text string) rawserver.Answer { return rawserver.Answer{Raw: text, Close: true} }

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// fetch gets an address and reads all of the answer.
func fetch(t *testing.T, c *Client, address string) (*Response, string, error) {
	t.Helper()
	return read(c.Follow(t.Context(), &Request{Method: "GET", URL: parse(t, address)}))
}

func read(a *Response, err error) (*Response, string, error) {
	if err != nil {
		return nil, "", err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	return a, string(text), err
}

func TestAnswersOfEveryForm(t *testing.T) {
	for claim, c := range map[string]struct {
		raw, body string
		length    int64
	}{
		"with a length":            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 5},
		"with the length twice":    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length:5\r\n\r\nhello", "hello", 5},
		"until the end":            {"HTTP/1.0 200 OK\r\n\r\nhello", "hello", -1},
		"lines without a return":   {"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello", 5},
		"no reason":                {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello", 5},
		"chunks":                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "hello", -1},
		"chunks with trailers":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n005\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello", -1},
		"behind interim ones":      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 5},
		"nothing":                  {"HTTP/1.1 204 No Content\r\n\r\n", "", -1},
		"more than it says":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more", "hello", 5},
		"an encoding that is none": {"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", "hello", 5},
	} {
		t.Run(claim, func(t *testing.T) {
			_, client := one(t, always(raw(c.raw)))
			a, body, err := fetch(t, client, "http://nas.example.org/x")
			if err != nil || body != c.body || a.Length != c.length {
				t.Errorf("got %q, %v, want %q", body, err, c.body)
			}
		})
	}
}

func TestEveryHostileAnswerIsAClearError(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n"
	for claim, c := range map[string]struct{ raw, want string }{
		"nothing":                     {"", "closed the connection without an answer"},
		"another protocol":            {"SSH-2.0-OpenSSH_9.2\r\n", `does not speak HTTP/1: "SSH-2.0`},
		"TLS":                         {"\x15\x03\x01\x00\x02\x02\x46\n", "bad line"},
		"HTTP/2":                      {"HTTP/2 200 OK\r\n\r\n", "does not speak HTTP/1"},
		"no number":                   {"HTTP/1.1 OK\r\n\r\n", "does not speak HTTP/1"},
		"a number too large":          {"HTTP/1.1 2000 OK\r\n\r\n", "does not speak HTTP/1"},
		"a signed number":             {"HTTP/1.1 +20 OK\r\n\r\n", "does not speak HTTP/1"},
		"half a status line":          {"HTTP/1.1 200", "ended early"},
		"half a head":                 {ok + "Content-Le", "ended early"},
		"a line without an end":       {ok + "X: " + strings.Repeat("x", 70<<10), "more than 65536 bytes"},
		"a flood of fields":           {ok + strings.Repeat("A: b\r\n", 250) + "\r\n", "more than 200 fields"},
		"a flood of interim answers":  {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100) + ok + "\r\n", "does not come to its answer"},
		"another protocol, unasked":   {"HTTP/1.1 101 Switching\r\n\r\n", "does not come to its answer"},
		"a field without a colon":     {ok + "hello\r\n\r\n", `bad field: "hello"`},
		"a field without a name":      {ok + ": hello\r\n\r\n", "bad field"},
		"a space before the colon":    {ok + "Content-Length : 5\r\n\r\nhello", "bad field"},
		"a folded field":              {ok + "X: a\r\n b\r\n\r\n", "bad field"},
		"a return within a line":      {ok + "X: a\rContent-Length: 5\r\n\r\nhello", "bad line"},
		"a zero byte":                 {ok + "X: a\x00b\r\n\r\n", "bad line"},
		"a length that is none":       {ok + "Content-Length: five\r\n\r\nhello", "bad length"},
		"a negative length":           {ok + "Content-Length: -5\r\n\r\nhello", "bad length"},
		"a length with a sign":        {ok + "Content-Length: +5\r\n\r\nhello", "bad length"},
		"a length beyond 63 bits":     {ok + "Content-Length: 18446744073709551617\r\n\r\nhello", "bad length"},
		"two lengths":                 {ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "bad length"},
		"two lengths in one":          {ok + "Content-Length: 5, 5\r\n\r\nhello", "bad length"},
		"a length beside chunks":      {ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad length"},
		"a body that is short":        {ok + "Content-Length: 5\r\n\r\nhel", "ended early"},
		"a coding over chunks":        {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "not asked for"},
		"chunks twice":                {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "not asked for"},
		"a compressed body":           {ok + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", "not asked for"},
		"a chunk of no number":        {ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "bad chunk"},
		"a chunk of 2^40 bytes and 1": {ok + "Transfer-Encoding: chunked\r\n\r\n10000000001\r\n", "bad chunk"},
		"a chunk beyond 64 bits":      {ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "bad chunk"},
		"a negative chunk":            {ok + "Transfer-Encoding: chunked\r\n\r\n-5\r\n", "bad chunk"},
		"a chunk longer than it says": {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", "no end"},
		"a chunk that is short":       {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "ended early"},
		"no last chunk":               {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "ended early"},
		"a flood behind a chunk":      {ok + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 5<<10), "more than"},
		"a flood of trailers":         {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 300), "more than"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, client := one(t, always(raw(c.raw)))
			_, body, err := fetch(t, client, "http://nas.example.org/x")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v, want an error with %q", body, err, c.want)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' }) {
				t.Errorf("the error obeys the server: %q", err)
			}
		})
	}
}

func TestABodyIsTakenCompressedByWhoAsksForItAsItIsStored(t *testing.T) {
	_, client := one(t, always(raw("HTTP/1.1 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")))
	_, body, err := read(client.Do(t.Context(), &Request{Method: "GET", URL: parse(t, "http://nas.example.org/x.tar.gz"), AsStored: true}))
	if err != nil || body != "\x1f\x8b" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestAStalledServerIsGivenUp(t *testing.T) {
	for claim, a := range map[string]rawserver.Answer{
		"before it answers": {Hang: true},
		"in its head":       {Raw: "HTTP/1.1 200 OK\r\nContent-", Hang: true},
		"in its body":       {Raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Hang: true},
		"between chunks":    {Raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n", Hang: true},
		"byte by byte in its head": {Raw: "HTTP/1.1 200 OK\r\nX: ", More: func(w io.Writer) {
			for {
				if _, err := io.WriteString(w, "x"); err != nil {
					return
				}
				time.Sleep(time.Millisecond) // far below the patience: what is told is the time of all of it
			}
		}},
	} {
		t.Run(claim, func(t *testing.T) {
			_, client := one(t, always(a))
			client.Patience = 20 * time.Millisecond
			if _, _, err := fetch(t, client, "http://nas.example.org/x"); !errors.Is(err, ErrStalled) {
				t.Errorf("got %v, want %v", err, ErrStalled)
			}
		})
	}
}

func TestAServerThatTakesNothingIsGivenUp(t *testing.T) {
	client := &Client{Patience: 20 * time.Millisecond, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		return near, nil
	}}
	if _, _, err := fetch(t, client, "http://nas.example.org/x"); !errors.Is(err, ErrStalled) {
		t.Errorf("got %v, want %v", err, ErrStalled)
	}
}

func TestWithoutTLSNothingGoesToHTTPS(t *testing.T) {
	s, client := one(t, always(rawserver.Say(302, "", "Location: https://nas.example.org/x")))
	for _, scheme := range []string{"http", "https"} { // the first one is redirected there
		if _, _, err := fetch(t, client, scheme+"://nas.example.org/x"); !errors.Is(err, ErrNoTLS) {
			t.Errorf("%s: got %v, want %v", scheme, err, ErrNoTLS)
		}
	}
	if s.Dialed() != 1 {
		t.Errorf("%d connections", s.Dialed())
	}
}

func TestWhoIsInterruptedWaitsForNothing(t *testing.T) {
	for claim, a := range map[string]rawserver.Answer{
		"before it answers": {Hang: true},
		"in its body":       {Raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Hang: true},
	} {
		t.Run(claim, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			asked := make(chan bool, 1)
			_, client := one(t, func(rawserver.Request) rawserver.Answer { asked <- true; return a })
			client.Patience = time.Hour
			go func() { <-asked; cancel() }()
			_, _, err := read(client.Do(ctx, &Request{Method: "GET", URL: parse(t, "http://nas.example.org/x")}))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		})
	}
}

func TestAConnectionServesManyRequests(t *testing.T) {
	s, client := one(t, func(r rawserver.Request) rawserver.Answer {
		if r.Method == "HEAD" {
			return rawserver.Answer{Raw: "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"}
		}
		return rawserver.Say(200, "body of "+r.Path)
	})
	for range 3 {
		if _, body, err := fetch(t, client, "http://nas.example.org/x"); err != nil || body != "body of /x" {
			t.Fatalf("got %q, %v", body, err)
		}
		a, body, err := read(client.Do(t.Context(), &Request{Method: "HEAD", URL: parse(t, "http://nas.example.org/x")}))
		if err != nil || body != "" || a.Length != 500 {
			t.Fatalf("HEAD: got %q, %v", body, err)
		}
		// A body that nobody reads, but which is here already.
		a, err = client.Do(t.Context(), &Request{Method: "GET", URL: parse(t, "http://nas.example.org/y")})
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
	}
	if s.Dialed() != 1 {
		t.Errorf("%d connections, want one", s.Dialed())
	}
}

func TestAConnectionThatTheServerHasClosedIsMadeAnew(t *testing.T) {
	s, client := one(t, func(r rawserver.Request) rawserver.Answer {
		a := rawserver.Say(200, "x")
		a.Close = true // without having said so
		return a
	})
	for range 3 {
		if _, _, err := fetch(t, client, "http://nas.example.org/x"); err != nil {
			t.Fatal(err)
		}
	}
	if s.Dialed() != 3 {
		t.Errorf("%d connections, want 3", s.Dialed())
	}
}

func TestAReasonIsShortAndPrintable(t *testing.T) {
	_, client := one(t, always(raw("HTTP/1.1 500 \x1b[2J"+strings.Repeat("x", 5000)+"\r\nContent-Length: 0\r\n\r\n")))
	a, _, err := fetch(t, client, "http://nas.example.org/x")
	if want := "?[2J" + strings.Repeat("x", 56); err != nil || a.Reason != want {
		t.Errorf("got %v, %v, want %q", a, err, want)
	}
}

func TestAnAnswerThatNobodyAskedForIsNoAnswer(t *testing.T) {
	evil := "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for claim, raw := range map[string]string{
		"behind a length": "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + evil,
		"behind chunks":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n" + evil,
	} {
		t.Run(claim, func(t *testing.T) {
			s, client := one(t, always(rawserver.Answer{Raw: raw, Hang: true}))
			for range 2 {
				if _, body, err := fetch(t, client, "http://nas.example.org/x"); err != nil || body != "good" {
					t.Fatalf("got %q, %v", body, err)
				}
			}
			if s.Dialed() != 2 {
				t.Errorf("%d connections, want 2", s.Dialed())
			}
		})
	}
}

func TestAConnectionWithABodyLeftIsNotUsedAgain(t *testing.T) {
	s, client := one(t, func(r rawserver.Request) rawserver.Answer {
		return rawserver.Answer{Raw: "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Hang: true}
	})
	for range 2 {
		a, err := client.Do(t.Context(), &Request{Method: "GET", URL: parse(t, "http://nas.example.org/x")})
		if err != nil || a.Length != 100000 {
			t.Fatal(a, err)
		}
		a.Body.Close()
	}
	if s.Dialed() != 2 {
		t.Errorf("%d connections, want 2", s.Dialed())
	}
}

func TestABodyIsSentAndWhatIsSaidMeanwhileIsHeard(t *testing.T) {
	body := func(text string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	}
	s, client := one(t, always(rawserver.Say(201, "")))
	put := func(text string, length int64) error {
		_, _, err := read(client.Do(t.Context(), &Request{Method: "PUT", URL: parse(t, "http://nas.example.org/x?a=b"), Body: body(text), Length: length,
			Fields: []Field{{"Content-Type", "text/plain"}}, Secret: "Basic eA=="}))
		return err
	}
	if err := put("hello", 5); err != nil {
		t.Fatal(err)
	}
	r := s.Requests()[0]
	want := "Host: nas.example.org\r\nAccept-Encoding: identity\r\nUser-Agent: bantam\r\nAuthorization: Basic eA==\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
	if r.Method != "PUT" || r.Path != "/x?a=b" || string(r.Body) != "hello" || r.Head != want {
		t.Errorf("got %+v, want head %q", r, want)
	}
	for _, length := range []int64{4, 6} {
		if err := put("hello", length); err == nil || !strings.Contains(err.Error(), "what is to be sent") {
			t.Errorf("5 bytes sent as %d: %v", length, err)
		}
	}
}

func TestARequestIsNeverTwo(t *testing.T) {
	_, client := one(t, always(rawserver.Say(200, "")))
	u := parse(t, "http://nas.example.org/x")
	query := *u
	query.RawQuery = "a b HTTP/1.1\r\nX: y"
	host := *u
	host.Host = "nas.example.org\r\nX: y"
	user := parse(t, "http://user:secret@nas.example.org/x")
	for _, r := range []*Request{
		{Method: "GET", URL: &query}, {Method: "GET", URL: &host}, {Method: "GET", URL: user}, {Method: "GE T", URL: u},
		{Method: "GET", URL: u, Fields: []Field{{"X", "y\r\nZ: z"}}}, {Method: "GET", URL: u, Secret: "Bearer x\ny"},
		{Method: "GET", URL: parse(t, "ftp://nas.example.org/x")}, {Method: "GET", URL: parse(t, "http:///x")}, {Method: "GET"},
	} {
		if a, err := client.Do(t.Context(), r); err == nil {
			t.Errorf("%+v was sent: %v", r, a)
		}
	}
	path := *u
	path.Path = "/x y\r\nX: y"
	if a, err := client.Do(t.Context(), &Request{Method: "GET", URL: &path}); err != nil || a.Status != 200 {
		t.Errorf("a path is escaped: %v", err)
	} else {
		a.Body.Close()
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "GET")
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n"), "GET")
	f.Add([]byte("HTTP/1.0 304\n\n"), "HEAD")
	f.Fuzz(func(t *testing.T, data []byte, method string) {
		a, keep, err := readAnswer(bufio.NewReader(bytes.NewReader(data)), method)
		if err != nil {
			return
		}
		body, err := io.ReadAll(a.in)
		if len(body) > len(data) {
			t.Errorf("%d bytes of body from %d", len(body), len(data))
		}
		if err == nil && a.Length >= 0 && method != "HEAD" && a.Status != 204 && a.Status != 304 && int64(len(body)) != a.Length {
			t.Errorf("%d bytes, it says %d", len(body), a.Length)
		}
		if keep && a.Length < 0 && method != "HEAD" && a.Status != 204 && a.Status != 304 && len(a.All("Transfer-Encoding")) == 0 {
			t.Error("a connection is kept whose body has no end")
		}
	})
}
