package netcfg

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// writeFile replaces a file in one step, and only when its content changes.
// The files are in memory or can be lost, so nothing is synced.
func writeFile(path string, content []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temp, content, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
