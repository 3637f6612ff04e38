package images

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// TreeDigest is the SHA-256, in hex, of a file, or of all that lies in a folder: names, bytes, links, and who may run
// what; not times, nor other rights. Sockets, devices and pipes are errors.
func TreeDigest(root string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch mode := info.Mode(); {
		case mode.IsDir():
			_, err = fmt.Fprintf(h, "folder %q\n", name)
		case mode&fs.ModeSymlink != 0:
			var to string
			if to, err = os.Readlink(path); err == nil {
				_, err = fmt.Fprintf(h, "link %q %q\n", name, to)
			}
		case mode.IsRegular():
			var sum string
			if sum, err = FileDigest(path); err == nil {
				_, err = fmt.Fprintf(h, "file %q %t %s\n", name, mode&0o111 != 0, sum)
			}
		default:
			err = fmt.Errorf("%s is neither a file nor a folder nor a link", path)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
