package images

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bantam/init/statevolume/sparse"
)

// StateImage makes the small ext4 file system that the device's state volume begins as, in its stored form for
// /bantam/state.template in the initrd. Same bytes each time with the same e2fsprogs. It needs mke2fs, but no privilege.
func StateImage(ctx context.Context) ([]byte, error) {
	mke2fs, err := sbinPath("mke2fs")
	if err != nil {
		return nil, fmt.Errorf("mke2fs is missing: apt-get install e2fsprogs")
	}
	dir, err := os.MkdirTemp("", "bantam-state-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "ext4")

	const id = "bd7e5c1a-9f34-8c60-a1f0-62616e74616d"
	cmd := exec.CommandContext(ctx, mke2fs, "-q", "-F", "-b", "4096", "-I", "256", "-N", "1024", "-m", "0", "-e", "remount-ro",
		"-L", sparse.Label, "-U", id,
		// Features that Linux 6.1 mounts and grows online. The resize inode reserves room for the group descriptors
		// of a file system of 1 TiB: growing within it is the well-trodden way.
		"-O", "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum",
		"-E", "hash_seed="+id+",resize=268435456,lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0",
		"-J", "size=4", path, "16M")
	cmd.Env = append(os.Environ(), "E2FSPROGS_FAKE_TIME=1", "MKE2FS_CONFIG=/dev/null", "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := FileContent(f)
	if err != nil {
		return nil, err
	}
	s, err := sparse.Read(c, c.Size())
	if err != nil {
		return nil, err
	}
	return s.Pack(), nil
}

// sbinPath finds a program also where an ordinary user's PATH does not look.
func sbinPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}
