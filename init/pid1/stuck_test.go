package pid1

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The file system that hangs is FUSE's, whose server is this test: it answers
// the kernel's first request and not the one that ends the mount.
func TestAMountThatHangsHoldsUpNoOtherAtShutdown(t *testing.T) {
	disk, hanging := loopDevice(t, "disk"), loopDevice(t, "hanging")
	tool(t, "e2fsprogs", "mkfs.ext4", "-q", disk)
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	server := os.NewFile(uintptr(fd), "fuse")
	defer server.Close()

	cmd := asInit(t, "stuck", "BANTAM_DISK="+disk, "BANTAM_HANGING="+hanging)
	cmd.ExtraFiles = []*os.File{server}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := greet(fd); err != nil {
		t.Error(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if want := "ended false, left []\n"; said != want {
		t.Errorf("got %q, %v; want %q", said, err, want)
	}
	server.Close() // lets the mount go
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func loopDevice(t *testing.T, name string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 8<<20)); err != nil {
		t.Fatal(err)
	}
	loop := strings.TrimSpace(tool(t, "mount", "losetup", "--find", "--show", image))
	t.Cleanup(func() { tool(t, "mount", "losetup", "--detach", loop) })
	return loop
}

// greet answers FUSE_INIT (linux/fuse.h), which comes when the file system is mounted.
func greet(server int) error {
	request := make([]byte, 1<<17)
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := unix.Read(server, request); err == nil {
			break
		} else if time.Now().After(end) {
			return err
		}
	}
	ne := binary.NativeEndian
	const headerSize, initSize = 16, 64
	answer := make([]byte, headerSize+initSize)
	ne.PutUint32(answer, uint32(len(answer)))
	copy(answer[8:16], request[8:16]) // which request it is
	ne.PutUint32(answer[headerSize:], 7)
	ne.PutUint32(answer[headerSize+4:], 31)
	ne.PutUint32(answer[headerSize+20:], 4096) // most bytes to write
	_, err := unix.Write(server, answer)
	return err
}

func stuckMount() error {
	server := os.NewFile(3, "server")
	if err := errors.Join(
		emptyRoot(os.Getenv("BANTAM_DIR")),
		os.Mkdir("/dev", 0o755),
		unix.Mount("/old/dev", "/dev", "", unix.MS_BIND|unix.MS_REC, ""),
		os.Mkdir("/disk", 0o755), os.Mkdir("/hanging", 0o755),
		unix.Mount(os.Getenv("BANTAM_DISK"), "/disk", "ext4", 0, ""),
		unix.Mount(os.Getenv("BANTAM_HANGING"), "/hanging", "fuseblk", 0,
			fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,blksize=512", server.Fd())),
		server.Close(), // its end is outside now
		forgetHost()); err != nil {
		return err
	}
	time.Sleep(100 * time.Millisecond) // for the answer to the first request
	if disks := diskMounts(""); len(disks) != 2 || disks[0] != "/hanging" {
		return fmt.Errorf("would unmount %q", disks)
	}
	ended := Shutdown{}.within(4*time.Second, func() { unmountAll("") })
	say("ended %v, left %q", ended, diskMounts(""))
	return nil
}
