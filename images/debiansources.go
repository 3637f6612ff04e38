package images

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// debianKeyring verifies every source we use, whatever else the host trusts.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// debianSource is one entry of sources.list that offers binary packages.
type debianSource struct {
	URI        string   // e.g. http://deb.debian.org/debian
	Suites     []string // e.g. bookworm bookworm-updates
	Components []string // e.g. main
	SignedBy   string   // the host's word: path of a keyring, a key, or ""
}

// debianSources returns the sources of a release as lines of a sources.list: the mirrors
// that the host uses for Debian itself, or deb.debian.org if it uses none for this release. The host's
// options for them, as trusted=yes, are left out. component is one beside main, "" for none. Without updates there is the release alone.
func debianSources(etcApt, release, component string, allowExpired, updates bool) (string, error) {
	sources, err := hostSources(etcApt)
	if err != nil {
		return "", err
	}
	suites := []string{release}
	if updates {
		suites = append(suites, release+"-updates", release+"-security", release+"/updates")
	}
	options := "signed-by=" + debianKeyring
	if allowExpired { // written here, so that lists which were taken with it count for nothing without it
		options += " check-valid-until=no"
	}
	var b strings.Builder
	writeSource := func(uri, suite string, components []string) {
		if component != "" && !slices.Contains(components, component) {
			components = append(slices.Clone(components), component)
		}
		fmt.Fprintf(&b, "deb [%s] %s %s %s\n", options, uri, suite, strings.Join(components, " "))
	}
	var whole bool // the release itself, not only its updates, is among them
	for _, s := range sources {
		if !s.isDebian() {
			continue
		}
		for _, suite := range s.Suites {
			if slices.Contains(suites, suite) {
				whole = whole || suite == release
				writeSource(s.URI, suite, s.Components)
			}
		}
	}
	if !whole {
		b.Reset()
		writeSource("http://deb.debian.org/debian", release, []string{"main"})
		if updates {
			writeSource("http://deb.debian.org/debian", release+"-updates", []string{"main"})
			writeSource("http://deb.debian.org/debian-security", release+"-security", []string{"main"})
		}
	}
	return b.String(), nil
}

// isDebian tells Debian's own archive and its mirrors from other people's: those are signed
// by another key, or have no component main.
func (s debianSource) isDebian() bool {
	if !slices.Contains(s.Components, "main") || strings.HasPrefix(s.URI, "cdrom:") {
		return false
	}
	if s.SignedBy != "" {
		return strings.Contains(s.SignedBy, "debian-archive-")
	}
	u, err := url.Parse(s.URI)
	if err != nil {
		return false
	}
	base := strings.TrimSuffix(path.Base(u.Path), ".list") // the latter is a list of mirrors, apt-transport-mirror(1)
	return base == "debian" || base == "debian-security"
}

// hostSources reads sources.list and what lies in sources.list.d, in both of apt's formats.
func hostSources(etcApt string) ([]debianSource, error) {
	files := []string{filepath.Join(etcApt, "sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(filepath.Join(etcApt, "sources.list.d", pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	var all []debianSource
	for _, file := range files {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("apt sources of this host: %w", err)
		}
		if strings.HasSuffix(file, ".sources") {
			all = append(all, parseDeb822Sources(string(text))...)
		} else {
			all = append(all, parseOneLineSources(string(text))...)
		}
	}
	return all, nil
}

// parseOneLineSources reads lines as "deb [signed-by=FILE] URI SUITE COMPONENT...", sources.list(5).
func parseOneLineSources(text string) []debianSource {
	var all []debianSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '\t') {
			continue // deb-src, an empty line, or not a source
		}
		rest = strings.TrimSpace(rest)
		var s debianSource
		if strings.HasPrefix(rest, "[") {
			options, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				continue
			}
			for _, option := range strings.Fields(options) {
				if file, ok := strings.CutPrefix(option, "signed-by="); ok {
					s.SignedBy = file
				}
			}
			rest = after
		}
		fields := strings.Fields(rest)
		if len(fields) < 3 {
			continue
		}
		s.URI, s.Suites, s.Components = fields[0], fields[1:2], fields[2:]
		all = append(all, s)
	}
	return all
}

// parseDeb822Sources reads stanzas as "Types: deb", "URIs: ...", sources.list(5).
func parseDeb822Sources(text string) []debianSource {
	var all []debianSource
	for _, stanza := range parseDeb822(text) {
		if !slices.Contains(strings.Fields(stanza["types"]), "deb") || strings.EqualFold(stanza["enabled"], "no") {
			continue
		}
		for _, uri := range strings.Fields(stanza["uris"]) {
			all = append(all, debianSource{
				URI:        uri,
				Suites:     strings.Fields(stanza["suites"]),
				Components: strings.Fields(stanza["components"]),
				SignedBy:   stanza["signed-by"],
			})
		}
	}
	return all
}

// parseDeb822 splits Debian's control format into stanzas of fields; names come in
// lower case, continuation lines keep their line breaks, comments are dropped.
func parseDeb822(text string) []map[string]string {
	var stanzas []map[string]string
	var stanza map[string]string
	var field string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			stanza = nil
		case line[0] == ' ' || line[0] == '\t':
			if stanza != nil && field != "" {
				stanza[field] += "\n" + strings.TrimSpace(line)
			}
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				continue
			}
			if stanza == nil {
				stanza = make(map[string]string)
				stanzas = append(stanzas, stanza)
			}
			field = strings.ToLower(name)
			stanza[field] = strings.TrimSpace(value)
		}
	}
	return stanzas
}
