package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// File is Result for what is better a file than bytes in memory: the path of the file kept under the inputs, and its
// SHA-256 in hex. make writes it through an empty file that it is given. Whoever makes the same at the same time waits.
func (c Cache) File(ctx context.Context, progress Progress, inputs []string, make func(*os.File) error) (path, digest string, err error) {
	key := resultKey(inputs)
	path = filepath.Join(c.Dir, "files", key)
	if digest := keptDigest(path); digest != "" {
		return path, digest, nil
	}
	unlock, err := c.Lock(ctx, "file-"+key[:2], progress)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if digest := keptDigest(path); digest != "" {
		return path, digest, nil
	}
	if err := WriteFileAtomic(path, func(w io.Writer) error { return make(w.(*os.File)) }); err != nil {
		return "", "", err
	}
	if digest, err = FileDigest(path); err != nil {
		return "", "", fmt.Errorf("cache: %w", err)
	}
	return path, digest, writeText(path+".sha256", digest+"\n")
}

// keptDigest is the digest of a file that File has made; "" if it is not there, or damaged.
func keptDigest(path string) string {
	kept, err := os.ReadFile(path + ".sha256")
	if err != nil {
		return ""
	}
	digest, err := FileDigest(path)
	if err != nil || digest != strings.TrimSpace(string(kept)) {
		return ""
	}
	return digest
}
