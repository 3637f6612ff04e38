package applet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"bantam/http1"
	"bantam/http1/https"
)

// authorities is the option --ca-certificate, which has no letter. Advice of package https calls it --ca.
const authorities = '\x01'

// wget fetches files over HTTP, with TLS or without. A file appears under its name only when complete; with -c it grows there, and
// what an earlier try has left is continued.
func wget(c *call, args []string) int {
	opts, urls, err := parseOptions("O:qcST:P:U:\x01:", map[string]byte{"output-document": 'O', "quiet": 'q', "continue": 'c', "timeout": 'T', "ca-certificate": authorities, "ca": authorities}, args)
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
	secure, err := https.OnDevice(opts.value(authorities, ""))
	if err != nil {
		c.fail("--ca-certificate", err)
		return c.status
	}
	w := &fetcher{c: c, quiet: opts.has('q'), resume: opts.has('c'), client: &http1.Client{Secure: secure, Patience: patience, UserAgent: opts.value('U', "bantam-wget")}}
	defer w.client.Close()
	if opts.has('S') {
		w.client.Heard = w.showHead
	}
	for _, text := range urls {
		if err := w.fetch(text, opts.value('O', ""), opts.value('P', "")); err != nil {
			c.fail(text, err)
		}
	}
	return c.status
}

type fetcher struct {
	c      *call
	client *http1.Client
	quiet  bool
	resume bool
}

// webAddress reads a URL as people write it: http:// may be missing.
func webAddress(text string) (*url.URL, error) {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || strings.ContainsAny(scheme, "/?") { // it is part of a path
		scheme, text = "http", "http://"+text
	}
	if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return nil, fmt.Errorf("%s is not supported, only http and https", scheme)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, errors.New("is not a URL")
	}
	if u.User != nil {
		return nil, errors.New("a password in the URL is not supported")
	}
	return u, nil
}

// nameIn is what a file is called that comes from a URL.
func nameIn(text string) string {
	text = text[:strings.IndexAny(text+"?", "?#")]
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	_, file, _ := strings.Cut(text, "/")
	if name := path.Base("/" + file); name != "/" && name != "." {
		return name
	}
	return "index.html"
}

func (w *fetcher) fetch(text, output, folder string) error {
	u, err := webAddress(text)
	if err != nil {
		return err
	}
	name := output
	if name == "" {
		name = path.Join(folder, nameIn(text))
	}
	resume, have := w.resume && name != "-", int64(0)
	if info, err := os.Stat(name); err == nil && resume {
		if resume = info.Mode().IsRegular(); resume {
			have = info.Size()
		}
	}
	request := &http1.Request{Method: "GET", URL: u, AsStored: true, Fields: []http1.Field{{Name: "Accept", Value: "*/*"}}}
	if have > 0 {
		request.Fields = append(request.Fields, http1.Field{Name: "Range", Value: fmt.Sprintf("bytes=%d-", have)})
	}
	answer, err := w.client.Follow(context.Background(), request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.Status {
	case 200:
		if resume && have == 0 {
			return w.continueFile(answer, name, 0)
		}
		return w.save(answer, name)
	case 206:
		if start, _, err := answer.Part(); err != nil || have == 0 || start != have {
			return fmt.Errorf("the server sent another part than asked for (%s)", answer.Field("Content-Range"))
		}
		return w.continueFile(answer, name, have)
	case 416:
		if have > 0 {
			return w.nothingMissing(answer, name, have)
		}
	}
	return fmt.Errorf("the server answers %d %s", answer.Status, answer.Reason)
}

func (w *fetcher) say(format string, args ...any) {
	if !w.quiet {
		w.c.out.Flush()
		fmt.Fprintf(w.c.err, format, args...)
	}
}

// showHead is for -S.
func (w *fetcher) showHead(answer *http1.Response) {
	w.say("  %d %s\n", answer.Status, answer.Reason)
	for _, f := range answer.Fields {
		w.say("  %s: %s\n", f.Name, PrintableLine(f.Value))
	}
}

// nothingMissing is the end of a file that the server has no more of.
func (w *fetcher) nothingMissing(answer *http1.Response, name string, have int64) error {
	if _, total, err := answer.Part(); err == nil && total >= 0 && total != have {
		return fmt.Errorf("%s has %d bytes, and the server's has %d: it is another file", name, have, total)
	}
	w.say("%s: nothing is missing\n", name)
	return nil
}

// save writes all of a file in one step.
func (w *fetcher) save(a *http1.Response, name string) error {
	if name == "-" {
		_, err := io.Copy(w.c.out, a.Body)
		return err
	}
	return replaceFile(name, 0o644, func(out io.Writer) error { return w.copy(out, a, name, 0) })
}

// continueFile writes behind what is there, and leaves what has come whatever happens.
func (w *fetcher) continueFile(a *http1.Response, name string, have int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(w.copy(f, a, name, have), f.Sync(), f.Close())
}

// copy copies the body; on a terminal it tells the progress once a second.
func (w *fetcher) copy(out io.Writer, a *http1.Response, name string, have int64) error {
	progress := !w.quiet && isTerminal(w.c.err)
	buffer := make([]byte, 64<<10)
	at, told := have, time.Now()
	for {
		n, err := a.Body.Read(buffer)
		if _, werr := out.Write(buffer[:n]); werr != nil {
			return fmt.Errorf("%s: %s", name, reason(werr))
		}
		at += int64(n)
		if progress && time.Since(told) > time.Second {
			told = time.Now()
			if a.Length > 0 {
				fmt.Fprintf(w.c.err, "\r%s %3d%% %s ", name, at*100/(a.Length+have), humanSize(at))
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
