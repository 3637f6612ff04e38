package oci

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"bantam/switcher"
)

// checked reads a blob and ends well only where it ends as its descriptor says.
type checked struct {
	io.ReadCloser
	want switcher.Descriptor
	left int64
	hash hash.Hash // nil where reading did not begin at the first byte
	err  error
}

// check wraps the bytes of a blob from one on.
func check(r io.ReadCloser, d switcher.Descriptor, from int64) io.ReadCloser {
	c := &checked{ReadCloser: r, want: d, left: d.Size - from}
	if from == 0 {
		c.hash = sha256.New()
	}
	return c
}

func (c *checked) Read(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	if c.left == 0 {
		c.err = c.end()
		return 0, c.err
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.hash != nil {
		c.hash.Write(p[:n])
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
		if c.left > 0 {
			err = fmt.Errorf("blob %s: %w, %d of %d bytes before the end", c.want.Digest.Short(), ErrShort, c.left, c.want.Size)
		}
	}
	c.err = err
	return n, err
}

// end is reached when all bytes are there that should be.
func (c *checked) end() error {
	var more [1]byte
	for range 100 { // a reader may give nothing a few times
		n, err := c.ReadCloser.Read(more[:])
		if n > 0 {
			return fmt.Errorf("blob %s: %w: there are more than %d", c.want.Digest.Short(), ErrDigest, c.want.Size)
		}
		if err == io.EOF {
			if c.hash != nil && hex.EncodeToString(c.hash.Sum(nil)) != c.want.Digest.Hex() {
				return fmt.Errorf("blob %s: %w", c.want.Digest.Short(), ErrDigest)
			}
			return io.EOF
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// readSmall reads the whole of a blob that has at most so many bytes.
func readSmall(r io.ReadCloser, d switcher.Descriptor, most int64) ([]byte, error) {
	defer r.Close()
	if d.Size > most {
		return nil, fmt.Errorf("blob %s: %d bytes, the limit is %d", d.Digest.Short(), d.Size, most)
	}
	return io.ReadAll(r)
}
