package payload

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"bantam/layer"
)

// Where packages of certificate authorities have one each, and where programs look for all of them in one file.
const (
	authoritiesDir  = "usr/share/ca-certificates/"
	authoritiesFile = "etc/ssl/certs/ca-certificates.crt"
)

// mostAuthority bounds one certificate.
const mostAuthority = 64 << 10

// joinAuthorities adds the file that update-ca-certificates would make of a package's certificates. Beside the
// links of nameRules it is the one thing that is made in place of a maintainer script: it follows from the package alone, nobody can write it down, and without
// it no program speaks TLS.
func (c *contents) joinAuthorities() error {
	var all []byte
	for _, f := range c.Tree { // sorted by path, as there
		if f.Kind != layer.RegularFile || !strings.HasPrefix(f.Path, authoritiesDir) || path.Ext(f.Path) != ".crt" {
			continue
		}
		r, size, err := f.open()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(r, mostAuthority))
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if size > mostAuthority || !bytes.Contains(text, []byte("-----BEGIN CERTIFICATE-----")) {
			continue // no certificate
		}
		all = append(append(all, bytes.TrimRight(text, "\n")...), '\n')
	}
	if all == nil {
		return nil
	}
	f := File{Entry: layer.Entry{Path: authoritiesFile, Kind: layer.RegularFile, Mode: 0o644}, Data: all, Size: int64(len(all))}
	var err error
	c.Tree, err = wholeTree(append(c.Tree, f))
	return err
}
