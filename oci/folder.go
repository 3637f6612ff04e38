package oci

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"bantam/regular"
	"bantam/switcher"
)

// maxBlob bounds the size of a file of a folder or of an archive; no medium of a machine has as much.
const maxBlob = 1 << 40

// folder is an OCI layout in a folder, which may be somebody else's stick: nothing but files is opened.
type folder string

func (dir folder) read(_ context.Context, name string, most int64) ([]byte, error) {
	return regular.Read(filepath.Join(string(dir), name), 0, most)
}

func (dir folder) open(_ context.Context, name string, from int64) (io.ReadCloser, error) {
	f, err := regular.Open(filepath.Join(string(dir), name), 0, maxBlob)
	if err != nil {
		return nil, err
	}
	return section{io.NewSectionReader(f, from, maxBlob), f}, nil
}

func (dir folder) Close() error { return nil }

// section is a part of a file that is closed with it.
type section struct {
	io.Reader
	io.Closer
}

// layoutFile is the name that a file of an archive has in a layout, "" if it is none. A name in a tar may have a megabyte: none but those that have
// a meaning are kept.
func layoutFile(name string) string {
	name = strings.TrimPrefix(name, "./")
	if hexa, ok := strings.CutPrefix(name, "blobs/sha256/"); name == "index.json" || ok && switcher.Digest("sha256:"+hexa).Valid() {
		return name
	}
	return ""
}
