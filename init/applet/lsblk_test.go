package applet

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDisksAreInTheOrderOfTheirNumbers(t *testing.T) {
	names := []string{"vda", "loop10", "sda", "nvme10n1", "loop2", "sda10", "sda2", "nvme2n1", "loop1", "mmcblk0"}
	slices.SortFunc(names, byNumber)
	if got, want := strings.Join(names, " "), "loop1 loop2 loop10 mmcblk0 nvme10n1 nvme2n1 sda sda2 sda10 vda"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// losetup makes the device, which is called by its file then, as layers are by what they are.
func TestALoopDeviceIsListedWithWhatItHolds(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("loop devices are for root")
	}
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "--find", "--show", "--read-only", file).CombinedOutput()
	if err != nil {
		t.Fatalf("losetup, of the Debian package mount: %v\n%s", err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "--detach", device).Run() })
	listed := func(want string) {
		t.Helper()
		out, errs, code := run("lsblk", nil)
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, filepath.Base(device)+" ") && strings.HasSuffix(line, " "+want+"\n") {
				return
			}
		}
		t.Errorf("%s holds no %s: code %d %s\n%s", device, want, code, errs, out)
	}
	listed(file[:min(len(file), 63)]) // so much the kernel keeps of a name
	f, err := os.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info := unix.LoopInfo64{Flags: unix.LO_FLAGS_READ_ONLY}
	copy(info.File_name[:], "layer package/libc6")
	if err := unix.IoctlLoopSetStatus64(int(f.Fd()), &info); err != nil {
		t.Fatal(err)
	}
	listed("layer package/libc6")
}
