package tree

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// writeFiles makes a folder of the generation's own files, which are by their paths below /usr. Nobody else sees it yet.
func writeFiles(dir string, files map[string]File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, f := range files {
		below, found := strings.CutPrefix(name, "/usr/")
		if !found {
			return fmt.Errorf("%s does not lie below /usr", name)
		}
		at := path.Join(dir, below)
		if err := os.MkdirAll(path.Dir(at), 0o755); err != nil {
			return err
		}
		err := os.WriteFile(at, f.Data, 0o600)
		if err == nil {
			err = os.Chown(at, f.UID, f.GID)
		}
		if err == nil {
			err = os.Chmod(at, os.FileMode(f.Mode))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
