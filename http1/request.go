package http1

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// head is the request up to its body.
func (r *Request) head(agent string) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: identity\r\n", r.Method, path, r.URL.Host)
	if agent != "" {
		fmt.Fprintf(&text, "User-Agent: %s\r\n", agent)
	}
	if r.Secret != "" {
		fmt.Fprintf(&text, "Authorization: %s\r\n", r.Secret)
	}
	if r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", r.Length)
	}
	for _, f := range r.Fields {
		fmt.Fprintf(&text, "%s: %s\r\n", f.Name, f.Value)
	}
	text.WriteString("\r\n")
	return text.String()
}

// check refuses what would make another request of this one.
func (r *Request) check() error {
	u := r.URL
	if u == nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("%.100q is no address of a server", fmt.Sprint(u))
	}
	if u.User != nil {
		return fmt.Errorf("%s: a password in the address is not supported", u.Host)
	}
	words := []string{r.Method, u.Host, u.RawQuery}
	values := []string{r.Secret}
	for _, f := range r.Fields {
		values = append(values, f.Name, f.Value)
	}
	for _, w := range words {
		if strings.Contains(w, " ") {
			return fmt.Errorf("%s: %.60q cannot be sent", u.Host, w)
		}
	}
	for _, v := range append(words, values...) {
		if strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return fmt.Errorf("%s: %.60q cannot be sent", u.Host, v)
		}
	}
	return nil
}

// address is where to connect to.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		if port = "443"; u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// Origin names the server of an address: scheme, host and port. What is secret stays with one.
func Origin(u *url.URL) string { return u.Scheme + "://" + address(u) }
