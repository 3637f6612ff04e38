package oci

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"

	"bantam/http1"
	"bantam/printable"
)

// Bounds of what a registry and its token server may say.
const (
	maxToken    = 64 << 10 // bytes of a token; GitHub's and Google's have some 5,000
	maxProblems = 16 << 10 // bytes of what a registry says beside an error
)

// authorize makes what goes into Authorization out of the challenges of a registry: a token of the server that it names (distribution's token
// authentication), or name and password.
func (r *registry) authorize(ctx context.Context, challenges []string) (string, error) {
	var user, password string
	if r.login != nil {
		user, password = r.login(r.ref.Host)
	}
	for _, text := range challenges {
		c, err := parseChallenge(text)
		if err != nil {
			return "", err
		}
		switch {
		case strings.EqualFold(c.scheme, "Bearer"):
			return r.token(ctx, c, user, password)
		case strings.EqualFold(c.scheme, "Basic") && user != "":
			return r.basic(r.ref.base(), user, password)
		case strings.EqualFold(c.scheme, "Basic"):
			return "", fmt.Errorf("%s wants a login: `skopeo login %[1]s` or `docker login %[1]s`", r.ref.Host)
		}
	}
	return "", errors.New("the registry wants a login of a kind that is not known")
}

// basic is name and password, which never go where everybody can read them, nor where everybody on the way may have sent them: without TLS nobody
// knows whether it was the registry that named its token server.
func (r *registry) basic(to *url.URL, user, password string) (string, error) {
	for _, u := range []*url.URL{r.ref.base(), to} {
		if u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return "", fmt.Errorf("the password for %s does not go over http:// to %s", r.ref.Host, u.Host)
		}
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)), nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func (r *registry) token(ctx context.Context, c challenge, user, password string) (string, error) {
	where, err := http1.Redirect(r.ref.base(), c.parameters["realm"])
	if err != nil {
		return "", fmt.Errorf("the registry says no token server: %w", err)
	}
	query := where.Query()
	if service := c.parameters["service"]; service != "" {
		query.Set("service", service)
	}
	query.Set("scope", "repository:"+r.ref.Repository+":"+r.rights) // ours, not what the registry would like
	where.RawQuery = query.Encode()
	q := &http1.Request{Method: "GET", URL: where}
	if user != "" {
		if q.Secret, err = r.basic(where, user, password); err != nil {
			return "", err
		}
	}
	answer, err := r.client.Follow(ctx, q)
	if err != nil {
		return "", fmt.Errorf("token server: %w", err)
	}
	defer answer.Body.Close()
	if answer.Status != 200 {
		return "", fmt.Errorf("token server %s: %w", where.Host, refused(answer))
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, 2*maxToken))
	if err != nil {
		return "", fmt.Errorf("token server %s: %w", where.Host, err)
	}
	var given struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(data, &given); err != nil {
		return "", fmt.Errorf("token server %s: it gives no token: %w", where.Host, err)
	}
	if given.Token == "" {
		given.Token = given.Access
	}
	if given.Token == "" || len(given.Token) > maxToken || strings.ContainsFunc(given.Token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("token server %s: it gives no token that can be sent", where.Host)
	}
	return "Bearer " + given.Token, nil
}

// challenge is what a server wants to be told (RFC 9110 section 11.3).
type challenge struct {
	scheme     string            // e.g. Bearer
	parameters map[string]string // e.g. realm, service; names in lower case
}

// parseChallenge reads one field of WWW-Authenticate, the first challenge of it.
func parseChallenge(text string) (c challenge, err error) {
	c.parameters = make(map[string]string)
	c.scheme, text, _ = strings.Cut(strings.TrimSpace(text), " ")
	fault := fmt.Errorf("the registry wants a login, but not how: %.80q", text)
	for text = strings.TrimLeft(text, " ,"); text != ""; text = strings.TrimLeft(text, " ,") {
		name, rest, ok := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		if !ok || strings.Contains(name, " ") {
			return c, nil // another challenge begins
		}
		rest = strings.TrimLeft(rest, " ")
		value := ""
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = unquote(rest[1:]); !ok {
				return c, fault
			}
		} else if at := strings.IndexAny(rest, ", "); at >= 0 {
			value, rest = rest[:at], rest[at:]
		} else {
			value, rest = rest, ""
		}
		name = strings.ToLower(name)
		if _, twice := c.parameters[name]; !twice {
			c.parameters[name] = value
		}
		text = rest
	}
	return c, nil
}

// unquote reads up to the quote that ends a text.
func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// problems is what a registry says beside an error, harmless and short: ": NAME_UNKNOWN, no such repository". "" where it says nothing that is known.
func problems(a *http1.Response) string {
	data, err := io.ReadAll(io.LimitReader(a.Body, maxProblems))
	if err != nil {
		return ""
	}
	var said struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &said) != nil || len(said.Errors) == 0 {
		return ""
	}
	return printable.Line(fmt.Sprintf(" (%.40s, %.200s)", said.Errors[0].Code, said.Errors[0].Message))
}
