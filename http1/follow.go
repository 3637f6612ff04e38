package http1

import (
	"context"
	"fmt"
	"net/url"
)

const maxRedirects = 10

// Follow is Do for GET and HEAD, behind redirects. Secret goes to no other server than that of r, and none of them leads from https to http.
func (c *Client) Follow(ctx context.Context, r *Request) (*Response, error) {
	first, now := Origin(r.URL), *r
	for range maxRedirects + 1 {
		answer, err := c.Do(ctx, &now)
		if err != nil && now.URL != r.URL {
			return nil, fmt.Errorf("%s: it redirects: %w", r.URL.Host, err)
		}
		if err != nil || !answer.redirects() {
			return answer, err
		}
		answer.Body.Close()
		to, err := Redirect(now.URL, answer.Field("Location"))
		if err != nil {
			return nil, fmt.Errorf("%s: it redirects: %w", now.URL.Host, err)
		}
		now.URL = to
		if Origin(to) != first {
			now.Secret = "" // and it stays away, also if the next redirect leads back
		}
	}
	return nil, fmt.Errorf("%s: it redirects more than %d times", r.URL.Host, maxRedirects)
}

func (r *Response) redirects() bool {
	switch r.Status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// Redirect is where a Location of an answer leads to.
func Redirect(from *url.URL, location string) (*url.URL, error) {
	if location == "" {
		return nil, fmt.Errorf("it says not where to")
	}
	to, err := from.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%.100q is no address", location)
	}
	if to.Scheme == "http" && from.Scheme == "https" {
		return nil, fmt.Errorf("to %s without TLS", to.Host)
	}
	to.Fragment, to.RawFragment = "", ""
	return to, (&Request{Method: "GET", URL: to}).check()
}
