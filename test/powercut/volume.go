package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// WriteSparse writes data to a file, with holes for zeros.
func WriteSparse(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, 64<<10)
	for at := 0; at < len(data); at += len(zeros) {
		part := data[at:min(at+len(zeros), len(data))]
		if bytes.Equal(part, zeros[:len(part)]) {
			continue
		}
		if _, err := f.WriteAt(part, int64(at)); err != nil {
			return err
		}
	}
	return errors.Join(f.Truncate(int64(len(data))), f.Close())
}

// harmless are the lines of `e2fsck -fy` on an ext4 that only lost its power.
var harmless = regexp.MustCompile(`^(|` + strings.Join([]string{
	`e2fsck \d\S* \(\S+\)`,
	`.*: recovering journal`,
	`Clearing orphaned inode \d+ \(.*\)`, // open without a name when the power went: the kernel does it when it mounts
	`Pass \d\w?: .*`,
	`Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.`, // the superblock's sum, which the kernel makes anew when it mounts
	`Fix\? yes`,
	`.*: \*\*\*\*\* FILE SYSTEM WAS MODIFIED \*\*\*\*\*`,
	`.*: \d+/\d+ files \(.* non-contiguous\), \d+/\d+ blocks`,
}, "|") + `)$`)

// ErrSuperblock: the superblock's checksum is wrong, so not even its journal can be found.
var ErrSuperblock = errors.New("the checksum of the superblock is wrong")

// Recover replays the journal of the ext4 in a file. That it needed any other
// repair is an error, which holds what e2fsck said.
func Recover(path string) error {
	out, err := exec.Command("e2fsck", "-fy", path).CombinedOutput()
	if bytes.Contains(out, []byte("Superblock checksum does not match superblock")) {
		return ErrSuperblock
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return fmt.Errorf("e2fsck: %w\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if !harmless.MatchString(strings.TrimSuffix(line, "\n")) {
			return fmt.Errorf("e2fsck repaired more than a power cut explains:\n%s", out)
		}
	}
	return nil
}

// Extract copies what the ext4 in a file holds to a folder.
func Extract(path, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	out, err := exec.Command("debugfs", "-R", "rdump / "+to, path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("debugfs: %w\n%s", err, out)
	}
	_, complaints, _ := bytes.Cut(out, []byte("\n")) // after the version
	if len(complaints) > 0 {
		return fmt.Errorf("debugfs: %s", complaints)
	}
	return os.RemoveAll(filepath.Join(to, "lost+found"))
}
