package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Client speaks to servers, with one idle connection kept for each. The zero value works; its fields are not changed while it is used.
type Client struct {
	Secure    Secure        // nil: https:// is refused with ErrNoTLS
	Patience  time.Duration // how long nothing may move; 0: thirty seconds
	UserAgent string        // e.g. bantam
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Heard     func(*Response) // hears of each answer before its body, redirects among them; nil: nobody does

	mu   sync.Mutex
	idle map[string]*conn // by origin
}

// Secure puts TLS over a connection to a host and makes sure that it is that host. Package https has one; it is not part of this
// package because of what it weighs.
type Secure func(c net.Conn, host string) (net.Conn, error)

// ErrNoTLS is the error of https:// where there is no Secure.
var ErrNoTLS = errors.New("this program does not speak TLS")

const defaultPatience = 30 * time.Second

// Field is one field of a head.
type Field struct{ Name, Value string }

// Request is a question.
type Request struct {
	Method string // GET, HEAD, POST, PUT, PATCH, DELETE
	URL    *url.URL
	Fields []Field
	Secret string                        // value of Authorization; sent to the host of URL alone, not to where that redirects
	Body   func() (io.ReadCloser, error) // asked each time that the request is sent; nil: none
	Length int64                         // of Body

	AsStored bool // take a body also as its server keeps it, e.g. compressed; else that is an error
}

// Response is an answer. Its body is closed by whoever got it; reading it to its end keeps the connection for the next request.
type Response struct {
	Status int
	Reason string   // what the server says beside Status, short and printable
	URL    *url.URL // that answered, behind all redirects
	Fields []Field  // in the order of the server; names are tokens, values may hold anything but \r, \n and \x00
	Length int64    // of the body; -1 where the server does not say
	Body   io.ReadCloser

	in io.Reader // the body, on its connection
}

// Field is the value of a field, the first if there are several, "" if there is none. Upper and lower case are the same.
func (r *Response) Field(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// All are the values of a field.
func (r *Response) All(name string) (values []string) {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// Do sends a request and returns the answer, whatever its status, redirects among them.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	for {
		used := c.take(Origin(r.URL))
		one := used
		if used == nil {
			var err error
			if one, err = c.connect(ctx, r.URL); err != nil {
				return nil, fmt.Errorf("%s: %w", r.URL.Host, cause(ctx, err))
			}
		}
		answer, err := one.exchange(ctx, c, r)
		if err == nil {
			return answer, nil
		}
		one.end()
		if used != nil && errors.Is(err, errNoAnswer) && ctx.Err() == nil {
			continue // a server may close an idle connection at any time: once more, on a new one
		}
		return nil, fmt.Errorf("%s: %w", r.URL.Host, cause(ctx, err))
	}
}

// Close ends the connections that are kept.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.idle {
		one.end()
	}
	c.idle = nil
	return nil
}

func (c *Client) take(origin string) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.idle[origin]
	delete(c.idle, origin)
	return one
}

func (c *Client) keep(one *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle == nil {
		c.idle = make(map[string]*conn)
	}
	if old := c.idle[one.origin]; old != nil {
		old.end()
	}
	c.idle[one.origin] = one
}

func (c *Client) connect(ctx context.Context, u *url.URL) (*conn, error) {
	if u.Scheme == "https" && c.Secure == nil {
		return nil, ErrNoTLS
	}
	patience := c.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: patience}).DialContext
	}
	raw, err := dial(ctx, "tcp", address(u))
	if err != nil {
		return nil, plain(err)
	}
	patient := &patientConn{Conn: raw, patience: patience}
	if u.Scheme == "http" {
		return newConn(patient, patient, u), nil
	}
	stop := context.AfterFunc(ctx, patient.cut)
	defer stop()
	patient.hurry()
	secured, err := c.Secure(patient, u.Hostname())
	patient.relax()
	if err != nil {
		raw.Close()
		return nil, plain(err)
	}
	return newConn(secured, patient, u), nil
}

// cause is the end of ctx where that is why something failed.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
