package installing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// left are the names below the state folder that stay behind: what was not finished, and what counts boots of this medium.
var left = []string{"import", "lastwords", "boots", "lost+found"}

// Keeps is how many bytes the machine keeps in a file system.
func Keeps(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(fs.Blocks-fs.Bfree) * int64(fs.Bsize), nil
}

// Copy copies what the machine keeps from one folder to another, and syncs that. The record goes first, so that all it names comes behind it; if
// another is there in the end, a switch has come between.
func Copy(ctx context.Context, from, to string) error {
	const record = "record"
	before, err := os.ReadFile(filepath.Join(from, record))
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	names := []string{record}
	for _, e := range entries {
		if e.Name() != record && !slices.Contains(left, e.Name()) {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		if err := copyTree(ctx, filepath.Join(from, name), to); err != nil {
			return fmt.Errorf("copy %s: %w", filepath.Join(from, name), err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(from, record)); err != nil || !bytes.Equal(before, after) {
		return errors.Join(err, errors.New("a switch has come between; the same command again takes what runs now"))
	}
	dir, err := os.Open(to)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", to, err)
	}
	return nil
}

// copyTree is cp -a, with owners, modes, times and links as they are.
func copyTree(ctx context.Context, from, folder string) error {
	said, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	process, err := os.StartProcess("/proc/self/exe", []string{"cp", "-a", from, folder}, &os.ProcAttr{Env: []string{"PATH=/bin"}, Files: []*os.File{nil, end, end}})
	end.Close()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = process.Kill() })
	defer stop()
	text, _ := io.ReadAll(io.LimitReader(said, 4<<10))
	_, _ = io.Copy(io.Discard, said) // or it would wait for somebody who reads
	state, err := process.Wait()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case !state.Success():
		return errors.New(strings.TrimSpace(string(text) + " (" + state.String() + ")"))
	}
	return nil
}
