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

// Folder is File for what is many files: the path of the folder kept under the inputs. fill gets an empty folder to write it to,
// and another to work in. One whose files are no longer what they were is made anew.
func (c Cache) Folder(ctx context.Context, progress Progress, inputs []string, fill func(dir, work string) error) (path string, err error) {
	path = filepath.Join(c.Dir, "folders", resultKey(inputs))
	if keptFolder(path) {
		return path, nil
	}
	return path, c.Work(ctx, progress, inputs, func(work string) error {
		if keptFolder(path) {
			return nil // another build was faster
		}
		made, rest := filepath.Join(work, "made"), filepath.Join(work, "work")
		for _, dir := range []string{made, rest} {
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
		}
		if err := fill(made, rest); err != nil {
			return err
		}
		digest, err := TreeDigest(made)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if err := os.Rename(made, path); err != nil {
			return err
		}
		return writeText(path+".sha256", digest+"\n")
	})
}

// keptFolder tells whether Folder has made a folder, and it is whole.
func keptFolder(path string) bool {
	kept, err := os.ReadFile(path + ".sha256")
	if err != nil {
		return false
	}
	digest, err := TreeDigest(path)
	return err == nil && digest == strings.TrimSpace(string(kept))
}

// Work does something that needs an empty folder, which is removed afterwards, and if that does not happen, by the next who does the
// same. Whoever does the same at the same time waits.
func (c Cache) Work(ctx context.Context, progress Progress, inputs []string, do func(dir string) error) error {
	key := resultKey(inputs)
	unlock, err := c.Lock(ctx, "work-"+key[:2], progress)
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(c.Dir, "work", key[:2])
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return do(dir)
}
