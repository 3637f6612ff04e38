package oci

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"bantam/switcher"
)

// Reference names a generation in a registry: HOST[:PORT]/REPOSITORY[:TAG][@DIGEST], as docker and podman write it, but always with the host. In front
// of it may stand https://, which is the default, or http://.
type Reference struct {
	HTTP       bool            // http:// was written
	Host       string          // e.g. registry.example.org, 127.0.0.1:5000, [::1]:5000
	Repository string          // e.g. machines/router
	Tag        string          // latest where none is written
	Digest     switcher.Digest // "", or what the manifest must have; the tag means nothing then
}

// defaultTag is what all tools take.
const defaultTag = "latest"

func (r Reference) String() string {
	text := r.Host + "/" + r.Repository
	if r.Digest != "" {
		return text + "@" + string(r.Digest)
	}
	return text + ":" + r.Tag
}

// base is the address of the registry's repository.
func (r Reference) base() *url.URL {
	u := &url.URL{Scheme: "https", Host: r.Host, Path: "/v2/" + r.Repository + "/"}
	if r.HTTP {
		u.Scheme = "http"
	}
	return u
}

// maxReference bounds a reference; distribution's own bound for host and repository is 255.
const maxReference = 512

// ParseReference reads a reference to a registry.
func ParseReference(text string) (r Reference, err error) {
	fault := func(format string, args ...any) (Reference, error) {
		return Reference{}, fmt.Errorf("%.100q: %s; want HOST[:PORT]/REPOSITORY[:TAG], e.g. registry.example.org/machines/router:v3", text, fmt.Sprintf(format, args...))
	}
	if len(text) > maxReference {
		return fault("more than %d bytes", maxReference)
	}
	rest, isHTTP := strings.CutPrefix(text, "http://")
	if r.HTTP = isHTTP; !isHTTP {
		rest = strings.TrimPrefix(rest, "https://")
	}
	host, path, ok := strings.Cut(rest, "/")
	if !ok {
		return fault("there is no / behind a host")
	}
	if err := checkHost(host); err != nil {
		return fault("%v", err)
	}
	r.Host, r.Tag = host, defaultTag
	if path, rest, ok = strings.Cut(path, "@"); ok {
		if r.Digest = switcher.Digest(rest); !r.Digest.Valid() {
			return fault("%.80q is not sha256: and 64 digits", rest)
		}
	}
	if path, rest, ok = strings.Cut(path, ":"); ok {
		if r.Tag = rest; !isTag(rest) {
			return fault("%.80q is no tag", rest)
		}
	}
	if r.Repository = path; !isRepository(path) {
		return fault("%.80q is no repository: small letters and digits, with . _ - between them", path)
	}
	return r, nil
}

// checkHost wants a name with a dot or a port, or localhost, so that a path of files is not taken for a host.
func checkHost(host string) error {
	name, port := host, ""
	switch {
	case strings.HasPrefix(host, "["):
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return errors.New("the [ of the host has no end")
		}
		name, port = host[1:end], host[end+1:]
		if name == "" || strings.Trim(name, "0123456789abcdefABCDEF:.") != "" {
			return fmt.Errorf("[%.80s] is no IPv6 address", name)
		}
	default:
		if at := strings.IndexByte(host, ':'); at >= 0 {
			name, port = host[:at], host[at:]
		}
		if name == "" || strings.ContainsFunc(name, notOfHost) {
			return fmt.Errorf("%.80q is no host", name)
		}
		if port == "" && name != "localhost" && !strings.Contains(name, ".") {
			return fmt.Errorf("%.80q is no host: it has no dot and no port", name)
		}
	}
	if port == "" {
		return nil
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(port, ":"), 10, 16)
	if err != nil || number == 0 || port[0] != ':' {
		return fmt.Errorf("%.80q is no port", port)
	}
	return nil
}

func notOfHost(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
}

func isWord(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// isTag is the grammar of distribution 1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
func isTag(tag string) bool {
	return tag != "" && len(tag) <= 128 && tag[0] != '.' && tag[0] != '-' && !strings.ContainsFunc(tag, notOfHost)
}

// isRepository is the grammar of distribution 1.1: words of [a-z0-9]+, joined by a dot, one or two underscores or any number of hyphens, the parts by slashes.
func isRepository(name string) bool {
	if len(name) > 255 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || !isWord(part[0]) || !isWord(part[len(part)-1]) {
			return false
		}
		for at := 0; at < len(part); {
			end := at
			for end < len(part) && !isWord(part[end]) {
				end++
			}
			switch join := part[at:end]; {
			case join == "" || join == "." || join == "_" || join == "__" || strings.Trim(join, "-") == "":
			default:
				return false
			}
			at = end + 1
		}
	}
	return true
}
