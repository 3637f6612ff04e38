package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
)

// Cache is the host tool's own folder: packages that were fetched and results
// named by the digest of what they were made from. Everything in it can be made
// again, so it may be deleted at any time.
type Cache struct {
	Dir string
}

// DefaultCacheDir returns the cache's place for this user, e.g. /home/me/.cache/bantam.
func DefaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("place of the cache: %w; set HOME or give --cache DIR", err)
	}
	return filepath.Join(dir, "bantam"), nil
}

// Lock waits until this process alone holds the named lock. The kernel releases
// it when the process ends, so a killed build leaves nothing to clean up.
func (c Cache) Lock(ctx context.Context, name string, progress Progress) (unlock func(), err error) {
	dir := filepath.Join(c.Dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	// For writing: without, NFS gives no exclusive lock (flock(2)).
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return lockFile(ctx, f, progress)
}

// lockFile waits until this process alone holds the lock of an open file or folder. Unlocking closes it.
func lockFile(ctx context.Context, f *os.File, progress Progress) (unlock func(), err error) {
	for waits := false; ; waits = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("flock %s: %w", f.Name(), err)
		}
		if !waits {
			progress.Step("waiting for another build that uses %s", f.Name())
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Result returns the bytes kept under the inputs, which must name everything that
// the bytes depend on, the version of the code that makes them included. If there are
// none, or they were damaged, compute makes them.
func (c Cache) Result(inputs []string, compute func() ([]byte, error)) ([]byte, error) {
	if data, ok := c.Known(inputs); ok {
		return data, nil
	}
	data, err := compute()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return data, WriteFileAtomic(c.result(inputs), func(w io.Writer) error {
		if _, err := w.Write(sum[:]); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	})
}

// Known returns the bytes kept under the inputs, if there are any.
func (c Cache) Known(inputs []string) (data []byte, ok bool) {
	kept, err := os.ReadFile(c.result(inputs))
	if err != nil || len(kept) < sha256.Size {
		return nil, false
	}
	sum, data := kept[:sha256.Size], kept[sha256.Size:]
	return data, sha256.Sum256(data) == [sha256.Size]byte(sum)
}

func (c Cache) result(inputs []string) string {
	return filepath.Join(c.Dir, "results", resultKey(inputs))
}

// resultKey hashes each input with its length, so that no two lists run together.
func resultKey(inputs []string) string {
	h := sha256.New()
	for _, in := range inputs {
		fmt.Fprintf(h, "%d:%s\n", len(in), in)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// WriteFileAtomic creates path, and the folders above it, with what write writes, and never a
// part of it. It does not wait for the disk: what the host tool writes can be made again.
func WriteFileAtomic(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteUnsyncedBy(path, 0o644, func(f *os.File) error {
		if err := write(f); err != nil {
			return err
		}
		return f.Chmod(0o644) // apt, which reads some of it as another user, takes no part in our umask
	})
}

// sha256Hex returns the SHA-256 of data in hex.
func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// FileDigest returns the SHA-256 of a file in hex.
func FileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
