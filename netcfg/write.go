package netcfg

import (
	"bytes"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/regular"
)

// writeFile replaces a file in one step, and only when its content changes.
// The files are in memory or can be lost, so nothing is synced. Whatever stands
// at the name is neither waited for nor followed.
func writeFile(path string, content []byte) error {
	if have, err := regular.Read(path, unix.O_NOFOLLOW, int64(len(content))); err == nil && bytes.Equal(have, content) {
		return nil
	}
	return atomicfile.WriteUnsynced(path, content, 0o644)
}
