package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bantam/http1"
	"bantam/regular"
)

// Options are how a source is reached. The zero value takes files and folders alone.
type Options struct {
	Stdin     io.Reader     // what "-" reads
	Secure    http1.Secure  // for https://, e.g. of package https; nil: https:// is refused
	AllowHTTP bool          // http:// is taken: for whoever checks signatures, or says that everybody on the way is trusted
	UserAgent string        // e.g. bantam/v1
	Patience  time.Duration // how long a server may move nothing; 0: thirty seconds
	// Login gives name and password for a registry, e.g. registry.example.org:5000; "" where there are none. nil: none.
	Login func(host string) (user, password string)
	// Dial makes connections; nil: package net's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client makes the client for addresses of a scheme, http or https.
func (o Options) Client(scheme string) (*http1.Client, error) {
	if scheme == "http" && !o.AllowHTTP {
		return nil, errors.New("http:// tells nobody who answers; it is only taken where signatures are checked ([trust] keys in system.toml), or with --insecure of bantam import, flash, switch, push and sign")
	}
	if scheme == "https" && o.Secure == nil {
		return nil, http1.ErrNoTLS
	}
	return &http1.Client{Patience: o.Patience, UserAgent: o.UserAgent, Dial: o.Dial, Secure: o.Secure}, nil
}

// place is what a word means, before anything is looked at.
type place struct {
	kind placeKind
	path string // of a file or folder
	name string // of the generation in it
	url  *url.URL
	ref  Reference
}

type placeKind uint8

const (
	isPath placeKind = iota // a folder or an archive: whoever opens it sees
	isFolder
	isArchive
	isStdin
	isWebArchive
	isRegistry
)

// IsSource says whether a word can only mean a source: an address, a registry's reference, a .tar, or - . A path that begins with a slash or a dot and has
// another ending is no such word, though Open takes it where a layout is there.
func IsSource(word string) bool {
	p, err := parsePlace(word)
	return err == nil && p.kind != isPath
}

// parsePlace says what a word means.
func parsePlace(word string) (place, error) {
	switch {
	case word == "":
		return place{}, errors.New("the name of the source is empty")
	case word == "-":
		return place{kind: isStdin}, nil
	case strings.HasPrefix(word, "oci:"):
		path, name, _ := strings.Cut(word[len("oci:"):], ":")
		return place{kind: isFolder, path: path, name: name}, nil
	case strings.HasPrefix(word, "oci-archive:"):
		path, name, _ := strings.Cut(word[len("oci-archive:"):], ":")
		return place{kind: isArchive, path: path, name: name}, nil
	case strings.HasPrefix(word, "http://"), strings.HasPrefix(word, "https://"):
		u, err := url.Parse(word)
		if err != nil {
			return place{}, err
		}
		if strings.HasSuffix(u.Path, ".tar") && u.Host != "" {
			u.Fragment, u.RawFragment = "", ""
			return place{kind: isWebArchive, url: u}, nil
		}
	case strings.HasSuffix(word, ".tar"):
		return place{kind: isArchive, path: word}, nil
	case word[0] == '/', word[0] == '.':
		return place{kind: isPath, path: word}, nil
	}
	ref, err := ParseReference(word)
	return place{kind: isRegistry, ref: ref, path: word}, err
}

// Open opens a source: FILE.tar, oci-archive:FILE:NAME, a layout's folder, oci:FOLDER:NAME, - for standard input, http(s)://HOST/FILE.tar, or
// HOST[:PORT]/REPOSITORY[:TAG|@DIGEST] of a registry. A file or folder that is there is taken before a registry.
func Open(ctx context.Context, word string, o Options) (Source, error) {
	p, err := parsePlace(word)
	if err != nil || p.kind == isRegistry {
		if info, statErr := os.Stat(word); statErr == nil && (info.IsDir() || info.Mode().IsRegular()) {
			p, err = place{kind: isPath, path: word}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if p.kind == isPath {
		p.kind = isArchive
		if info, err := os.Stat(p.path); err == nil && info.IsDir() {
			p.kind = isFolder
		}
	}
	switch p.kind {
	case isFolder:
		return &layout{files: folder(filepath.Clean(p.path)), where: p.path, name: p.name}, nil
	case isArchive:
		f, err := regular.Open(p.path, 0, maxBlob)
		if err != nil {
			return nil, err
		}
		return &layout{files: &archive{tape: fileTape{f}, window: fileWindow}, where: p.path, name: p.name}, nil
	case isStdin:
		if o.Stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return &layout{files: newStream(io.NopCloser(o.Stdin)), where: "standard input"}, nil
	}
	if p.kind == isRegistry {
		return openRegistry(p.ref, o, "pull")
	}
	client, err := o.Client(p.url.Scheme)
	if err != nil {
		return nil, err
	}
	found, err := openWeb(ctx, client, p.url)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &layout{files: found, where: withoutQuery(p.url)}, nil
}

func openRegistry(ref Reference, o Options, rights string) (*registry, error) {
	client, err := o.Client(ref.base().Scheme)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return &registry{client: client, ref: ref, login: o.Login, rights: rights}, nil
}
