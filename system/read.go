package system

import (
	"fmt"
	"io"
)

// Read reads a system.toml called name, and not all of a disk or of /dev/zero if
// that was named: what is longer than MaxSize is an error.
func Read(name string, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err == nil && len(b) > MaxSize {
		err = fmt.Errorf("%s: more than the %d bytes that a system.toml may have", name, MaxSize)
	}
	return b, err
}
