package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// wget fetches one plain-HTTP file. A new file appears under its name only when
// complete; with -c the part that is there is continued.
func wget(c *call, args []string) int {
	opts, urls, err := parseOptions("O:qcST:P:U:", map[string]byte{"output-document": 'O', "quiet": 'q', "continue": 'c', "timeout": 'T'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(urls) == 0 {
		return c.misuse("needs a URL")
	}
	patience, err := opts.seconds('T', 30*time.Second)
	if err != nil {
		return c.misuse("%v", err)
	}
	for _, text := range urls {
		w := &fetcher{c: c, quiet: opts.has('q'), patience: patience, resume: opts.has('c'), headers: opts.has('S'), agent: opts.value('U', "bantam-wget")}
		if err := w.fetch(text, opts.value('O', ""), opts.value('P', "")); err != nil {
			c.fail(text, err)
		}
	}
	return c.status
}

type fetcher struct {
	c        *call
	quiet    bool
	resume   bool
	headers  bool
	patience time.Duration
	agent    string
}

// address is the parts of a URL that a request needs.
type address struct {
	host string // with port
	name string // as the Host header
	path string // with query
}

func parseURL(text string, base address) (address, error) {
	text, _, _ = strings.Cut(text, "#")
	scheme, rest, ok := strings.Cut(text, "://")
	ok = ok && !strings.ContainsAny(scheme, "/?") // else it is part of a path
	switch {
	case strings.EqualFold(scheme, "https") && ok:
		return address{}, errors.New("https is not supported: the image carries no TLS; use http, or fetch on another machine")
	case ok && !strings.EqualFold(scheme, "http"):
		return address{}, fmt.Errorf("%s is not supported, only http", scheme)
	case !ok && base.host != "": // a relative redirect
		to := base
		if host, ok := strings.CutPrefix(text, "//"); ok {
			return parseURL("http://"+host, address{})
		}
		if strings.HasPrefix(text, "/") {
			to.path = text
		} else {
			folder, _, _ := strings.Cut(base.path, "?")
			to.path = folder[:strings.LastIndexByte(folder, '/')+1] + text
		}
		if strings.ContainsAny(text, " \r\n") {
			return to, errors.New("is not a URL")
		}
		return to, nil
	case !ok:
		rest = text
	}
	i := strings.IndexAny(rest, "/?")
	if i < 0 {
		i = len(rest)
	}
	to := address{name: rest[:i], path: rest[i:]}
	if !strings.HasPrefix(to.path, "/") {
		to.path = "/" + to.path
	}
	if at := strings.LastIndexByte(to.name, '@'); at >= 0 {
		return to, errors.New("a password in the URL is not supported")
	}
	if to.name == "" || strings.ContainsAny(text, " \r\n") {
		return to, errors.New("is not a URL")
	}
	to.host = to.name
	if _, _, err := net.SplitHostPort(to.host); err != nil {
		to.host = net.JoinHostPort(strings.Trim(to.host, "[]"), "80")
	}
	return to, nil
}

func (w *fetcher) fetch(text, output, folder string) error {
	to, err := parseURL(text, address{})
	if err != nil {
		return err
	}
	name := output
	if name == "" {
		plain, _, _ := strings.Cut(to.path, "?")
		if name = path.Base(plain); name == "/" || name == "." {
			name = "index.html"
		}
		name = path.Join(folder, name)
	}
	have := int64(0)
	if info, err := os.Stat(name); err == nil && w.resume && name != "-" && info.Mode().IsRegular() {
		have = info.Size()
	}
	for range 10 {
		answer, err := w.request(to, have)
		if err != nil {
			return err
		}
		switch answer.status {
		case 301, 302, 303, 307, 308:
			answer.conn.Close()
			location := answer.header["location"]
			if location == "" {
				return errors.New("the server redirects to nowhere")
			}
			if to, err = parseURL(location, to); err != nil {
				return fmt.Errorf("redirected to %s: %w", location, err)
			}
			continue
		case 416:
			answer.conn.Close()
			if have > 0 {
				w.say("%s: nothing is missing\n", name)
				return nil
			}
		case 206:
			start := int64(-1)
			fmt.Sscanf(answer.header["content-range"], "bytes %d-", &start)
			if have == 0 || start != have {
				answer.conn.Close()
				return fmt.Errorf("the server sent another part than asked for (%s)", answer.header["content-range"])
			}
			defer answer.conn.Close()
			return w.continueFile(answer, name, have)
		case 200:
			defer answer.conn.Close()
			return w.save(answer, name)
		}
		answer.conn.Close()
		return fmt.Errorf("the server answers %s", answer.line)
	}
	return errors.New("too many redirects")
}

func (w *fetcher) say(format string, args ...any) {
	if !w.quiet {
		w.c.out.Flush()
		fmt.Fprintf(w.c.err, format, args...)
	}
}

// answer is the head of an HTTP response and its body.
type answer struct {
	status int
	line   string
	header map[string]string // lower-case names
	body   io.Reader
	length int64 // -1 when unknown
	conn   net.Conn
}

func (w *fetcher) request(to address, have int64) (*answer, error) {
	conn, err := net.DialTimeout("tcp", to.host, w.patience)
	if err != nil {
		var dns *net.DNSError
		var op *net.OpError
		if errors.As(err, &dns) {
			return nil, errors.New(lookupReason(err))
		}
		if errors.As(err, &op) {
			return nil, fmt.Errorf("connect to %s: %s", to.host, reason(op.Err))
		}
		return nil, err
	}
	request := "GET " + to.path + " HTTP/1.1\r\nHost: " + to.name + "\r\nUser-Agent: " + w.agent +
		"\r\nAccept: */*\r\nConnection: close\r\n"
	if have > 0 {
		request += "Range: bytes=" + strconv.FormatInt(have, 10) + "-\r\n"
	}
	patient := &patientConn{conn, w.patience}
	if _, err := io.WriteString(patient, request+"\r\n"); err != nil {
		conn.Close()
		return nil, err
	}
	a, err := readAnswer(bufio.NewReaderSize(patient, 32<<10))
	if err != nil {
		conn.Close()
		return nil, err
	}
	if w.headers {
		w.say("  %s\n", PrintableLine(a.line))
		for name, value := range a.header {
			w.say("  %s: %s\n", PrintableLine(name), PrintableLine(value))
		}
	}
	a.conn = conn
	return a, nil
}

// headLimit bounds a response head from a server that never ends it.
const headLimit = 64 << 10

func readAnswer(r *bufio.Reader) (*answer, error) {
	left := headLimit
	line := func() (string, error) {
		var text []byte
		for {
			part, err := r.ReadSlice('\n')
			text = append(text, part...)
			if left -= len(part); left < 0 {
				return "", errors.New("the server's answer has no end")
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF {
				err = errors.New("the server hung up")
			}
			return strings.TrimRight(string(text), "\r\n"), err
		}
	}
	for {
		status, err := line()
		if err != nil {
			return nil, err
		}
		version, rest, _ := strings.Cut(status, " ")
		code, _, _ := strings.Cut(rest, " ")
		a := &answer{line: rest, header: map[string]string{}, length: -1}
		if a.status, err = strconv.Atoi(code); err != nil || !strings.HasPrefix(version, "HTTP/1.") {
			return nil, errors.New("the server does not speak HTTP/1")
		}
		for {
			text, err := line()
			if err != nil {
				return nil, err
			}
			if text == "" {
				break
			}
			name, value, _ := strings.Cut(text, ":")
			a.header[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
		if a.status >= 100 && a.status < 200 {
			continue // an interim answer
		}
		a.body = r
		if encoding := a.header["transfer-encoding"]; strings.EqualFold(encoding, "chunked") {
			a.body = &chunked{r: r}
		} else if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return nil, fmt.Errorf("the server sends the encoding %q, which was not asked for", encoding)
		} else if text := a.header["content-length"]; text != "" {
			if a.length, err = strconv.ParseInt(text, 10, 64); err != nil || a.length < 0 {
				return nil, fmt.Errorf("the server sends a bad length %q", text)
			}
			a.body = &exactly{r: r, left: a.length}
		}
		return a, nil
	}
}

// exactly reads left bytes; fewer are an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = fmt.Errorf("the connection ended %d bytes early", e.left)
	}
	return n, err
}

// chunked decodes RFC 9112 section 7.1; trailers are dropped.
type chunked struct {
	r     *bufio.Reader
	left  int64
	begun bool
	done  bool
}

func (ch *chunked) Read(p []byte) (int, error) {
	if ch.done {
		return 0, io.EOF
	}
	if ch.left == 0 {
		if ch.begun {
			if text, err := ch.line(); err != nil || text != "" {
				return 0, errors.Join(errors.New("a chunk has no end"), err)
			}
		}
		ch.begun = true
		text, err := ch.line()
		if err != nil {
			return 0, err
		}
		size, _, _ := strings.Cut(text, ";")
		if ch.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 64); err != nil || ch.left < 0 {
			return 0, fmt.Errorf("bad chunk size %q", size)
		}
		if ch.left == 0 {
			ch.done = true
			return 0, io.EOF
		}
	}
	n, err := ch.r.Read(p[:min(int64(len(p)), ch.left)])
	ch.left -= int64(n)
	if err == io.EOF {
		err = errors.New("the connection ended early")
	}
	return n, err
}

func (ch *chunked) line() (string, error) {
	text, err := ch.r.ReadSlice('\n')
	if err != nil {
		return "", errors.New("the connection ended early")
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// patientConn fails when nothing moves for a while, however long the whole takes.
type patientConn struct {
	net.Conn
	patience time.Duration
}

func (p *patientConn) Read(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(p.patience))
	return p.Conn.Read(b)
}

func (w *fetcher) save(a *answer, name string) error {
	if name == "-" {
		_, err := io.Copy(w.c.out, a.body)
		return err
	}
	err := replaceFile(name, 0o644, func(out io.Writer) error { return w.copy(out, a, name, 0) })
	return err
}

func (w *fetcher) continueFile(a *answer, name string, have int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return errors.Join(w.copy(f, a, name, have), f.Sync(), f.Close())
}

// copy copies the body; on a terminal it tells the progress once a second.
func (w *fetcher) copy(out io.Writer, a *answer, name string, have int64) error {
	progress := !w.quiet && isTerminal(w.c.err)
	buffer := make([]byte, 64<<10)
	at, told := have, time.Now()
	for {
		n, err := a.body.Read(buffer)
		if _, werr := out.Write(buffer[:n]); werr != nil {
			return fmt.Errorf("%s: %s", name, reason(werr))
		}
		at += int64(n)
		if progress && time.Since(told) > time.Second {
			told = time.Now()
			if a.length > 0 {
				fmt.Fprintf(w.c.err, "\r%s %3d%% %s ", name, at*100/(a.length+have), humanSize(at))
			} else {
				fmt.Fprintf(w.c.err, "\r%s %s ", name, humanSize(at))
			}
		}
		if err == io.EOF {
			if progress {
				fmt.Fprint(w.c.err, "\r")
			}
			w.say("%s: %d bytes\n", name, at)
			return nil
		}
		if err != nil {
			return err
		}
	}
}
