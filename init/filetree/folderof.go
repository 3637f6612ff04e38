package filetree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// ErrNoFolder says that something on the way to a file is no folder.
var ErrNoFolder = errors.New("is no folder; a link to one will not do")

// FolderOf opens the folder of a file by its whole path. With make, missing folders are made, of root and with 0755. No link
// on the way is followed, so that nobody to whom one of the folders belongs leads root elsewhere.
func FolderOf(file string, make bool) (Dir, error) {
	at, err := Here.Folder("/", false)
	way := "/"
	for _, name := range strings.Split(strings.Trim(path.Dir(file), "/"), "/") {
		if err != nil || name == "" {
			break
		}
		way = path.Join(way, name)
		next, fault := at.Folder(name, false)
		if make && errors.Is(fault, syscall.ENOENT) {
			if fault = at.Mkdir(name, 0o755); fault == nil {
				fault = at.Chmod(name, 0o755) // whatever the umask
			}
			if fault == nil || errors.Is(fault, syscall.EEXIST) {
				next, fault = at.Folder(name, false)
			}
		}
		at.Close()
		at, err = next, fault
	}
	switch {
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENOTDIR):
		return at, fmt.Errorf("%s %w", way, ErrNoFolder)
	case err != nil:
		return at, &fs.PathError{Op: "open", Path: way, Err: err}
	}
	return at, nil
}
