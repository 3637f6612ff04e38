package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// ErrStalled is wrapped by the error of a server that takes or sends nothing for as long as Client.Patience.
var ErrStalled = errors.New("the server has stalled")

// errNoAnswer: the connection ended before the first byte of an answer.
var errNoAnswer = errors.New("the server has closed the connection without an answer")

// patientConn ends when nothing moves for a while, however long the whole takes. While it is in a hurry, all that happens has to happen in that time.
type patientConn struct {
	net.Conn
	patience time.Duration
	until    time.Time // while in a hurry
	isCut    atomic.Bool
}

func (p *patientConn) hurry() { p.until = time.Now().Add(p.patience) }
func (p *patientConn) relax() { p.until = time.Time{} }

// cut makes all that waits or will wait end at once; any goroutine may.
func (p *patientConn) cut() {
	p.isCut.Store(true)
	p.SetDeadline(time.Unix(1, 0))
}

func (p *patientConn) deadline() time.Time {
	if p.until.IsZero() {
		return time.Now().Add(p.patience)
	}
	return p.until
}

func (p *patientConn) Read(b []byte) (int, error) {
	p.SetReadDeadline(p.deadline())
	if p.isCut.Load() { // before the line above
		return 0, os.ErrDeadlineExceeded
	}
	n, err := p.Conn.Read(b)
	return n, p.told(err)
}

func (p *patientConn) Write(b []byte) (done int, err error) {
	const part = 64 << 10 // what must have gone in time, also on a slow line
	for done < len(b) {
		p.SetWriteDeadline(p.deadline())
		if p.isCut.Load() {
			return done, os.ErrDeadlineExceeded
		}
		n, err := p.Conn.Write(b[done:min(len(b), done+part)])
		if done += n; err != nil {
			return done, p.told(err)
		}
	}
	return done, nil
}

func (p *patientConn) told(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: nothing has moved for %v", ErrStalled, p.patience)
	}
	return err
}

// conn is a connection to a server, secured or not.
type conn struct {
	net.Conn              // what is read and written
	patient  *patientConn // below it
	in       *bufio.Reader
	origin   string
}

func newConn(c net.Conn, patient *patientConn, u *url.URL) *conn {
	return &conn{Conn: c, patient: patient, in: bufio.NewReaderSize(c, 32<<10), origin: Origin(u)}
}

// end closes the connection, and not through TLS, which would send an alert and wait.
func (c *conn) end() error { return c.patient.Conn.Close() }

// exchange sends a request and reads the head of the answer, whose body keeps the connection.
func (c *conn) exchange(ctx context.Context, client *Client, r *Request) (*Response, error) {
	stop := context.AfterFunc(ctx, c.patient.cut)
	sent := c.send(r, client.UserAgent)
	var mine *bodyFault
	if errors.As(sent, &mine) {
		stop()
		return nil, mine.error
	}
	c.patient.hurry()
	defer c.patient.relax()
	if _, err := c.in.Peek(1); err != nil {
		stop()
		if sent != nil {
			err = sent
		}
		if errors.Is(err, ErrStalled) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errNoAnswer, plain(err))
	}
	answer, keep, err := readAnswer(c.in, r.Method)
	if err == nil && !r.AsStored {
		err = answer.plain()
	}
	if err == nil && sent != nil && answer.Status < 300 {
		err = fmt.Errorf("the server answers %d %s before it has all: %w", answer.Status, answer.Reason, plain(sent))
	}
	if err != nil {
		stop()
		return nil, plain(err)
	}
	answer.URL = r.URL
	if client.Heard != nil {
		client.Heard(answer)
	}
	answer.Body = &body{in: answer.in, ctx: ctx, stop: stop, conn: c, client: client, keep: keep && sent == nil}
	return answer, nil
}

// bodyFault is an error of what is to be sent.
type bodyFault struct{ error }

// send writes the request.
func (c *conn) send(r *Request, agent string) error {
	out := bufio.NewWriterSize(c.Conn, 32<<10)
	if _, err := out.WriteString(r.head(agent)); err != nil {
		return err
	}
	if r.Body == nil {
		return out.Flush()
	}
	from, err := r.Body()
	if err != nil {
		return &bodyFault{err}
	}
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for left := r.Length; ; {
		n, err := from.Read(buffer)
		switch {
		case int64(n) > left:
			return &bodyFault{fmt.Errorf("what is to be sent has more than %d bytes", r.Length)}
		case err != nil && err != io.EOF:
			return &bodyFault{err}
		}
		if _, err := out.Write(buffer[:n]); err != nil {
			return err
		}
		if left -= int64(n); err == io.EOF && left > 0 {
			return &bodyFault{fmt.Errorf("what is to be sent has ended %d of %d bytes before its end", left, r.Length)}
		} else if err == io.EOF {
			return out.Flush()
		}
	}
}

// body gives the connection back to its client when it has been read to the end.
type body struct {
	in     io.Reader
	ctx    context.Context
	stop   func() bool // ends the watch over ctx; false if it has struck already
	conn   *conn       // nil once it is given back or closed
	client *Client
	keep   bool
	err    error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.in.Read(p)
	if err == nil {
		return n, nil
	}
	if b.stop() && err == io.EOF && b.keep && b.conn.in.Buffered() == 0 { // what nobody has asked for would be the next answer
		b.client.keep(b.conn)
		b.conn = nil
	}
	if err != io.EOF {
		err = cause(b.ctx, plain(err))
	}
	b.err = err
	b.Close()
	return n, err
}

func (b *body) Close() error {
	if e, ok := b.in.(*exactly); ok && b.err == nil && b.keep && e.left <= int64(b.conn.in.Buffered()) {
		io.Copy(io.Discard, b) // nobody wants it, and it is here already
	}
	b.stop()
	if b.err == nil {
		b.err = errors.New("read of an answer that is closed")
	}
	if b.conn == nil {
		return nil
	}
	err := b.conn.end()
	b.conn = nil
	return err
}
