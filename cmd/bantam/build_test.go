package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A build from beginning to end with the kernel that a newcomer gets, and what size says of it.
func TestBuildAndSize(t *testing.T) {
	dir := t.TempDir()
	device, system, out := deviceBinary(t, dir), filepath.Join(dir, "system.toml"), filepath.Join(dir, "out")
	if err := os.WriteFile(system, []byte("hostname = \"x\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	r := bantam("", "build", "--device", device, "--out", out, system)
	r.expect(t, exitOK, "out/pc.iso with the rest as above, ", "system.lock: new for board pc; keep it with system.toml\n")
	for _, part := range []string{"generation ", "kernel ", "modules ", "init ", "loader ", "overhead ", "total ", "out/pc.img"} {
		if !strings.Contains(r.out, part) {
			t.Errorf("no %q in the table\n%s", part, r.out)
		}
	}
	first, err := os.ReadFile(filepath.Join(out, "pc.img"))
	if err != nil {
		t.Fatal(err)
	}

	r = bantam("hostname = \"x\"\n", "build", "-", "--json", "--img", "--device", device, "--out", out, "-v")
	r.expect(t, exitOK, "{", "writing "+filepath.Join(out, "pc.img"))
	var report struct {
		Generation string
		Images     []struct {
			Image        string
			Total, Limit int64
			Parts        []struct {
				Name string
				Size int64
			}
		}
	}
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || len(report.Images) != 1 || report.Images[0].Total != int64(len(first)) ||
		len(report.Images[0].Parts) != 6 || !strings.HasPrefix(report.Generation, "sha256:") {
		t.Errorf("JSON is %+v (%v):\n%s", report, err, r.out)
	}
	if second, err := os.ReadFile(filepath.Join(out, "pc.img")); err != nil || string(first) != string(second) {
		t.Errorf("a second build differs from the first (%v)", err)
	}

	t.Setenv(passphraseVariable, "x")
	key := filepath.Join(dir, "release")
	bantam("", "keygen", key).expect(t, exitOK, "[trust]", "signs")
	bantam("", "build", "--sign", key+".pub", "--device", device, "--out", out, system).expect(t, exitFault, "", "is a public key")
	bantam("", "build", "--sign", key+".key", "--device", device, "--out", out, system).expect(t, exitOK, "generation ", "(board pc) signed with Ed25519 key")
	bantam("", "build", "--sign", key+".key", "--device", device, "--out", out, system).expect(t, exitOK, "generation ", "(board pc) is signed with Ed25519 key")
	if by, n := signedWith(t, "oci:"+filepath.Join(out, "store"), key+".pub"); by != 0 || n != 1 {
		t.Errorf("--sign: by %d, %d signatures", by, n)
	}

	lock := filepath.Join(dir, "system.lock")
	bantam("", "build", "--locked", "--device", device, "--out", out, system).expect(t, exitOK, "generation ", "")
	bantam("", "build", "--update", "linux-imag-amd64", "--device", device, "--out", out, system).expect(t, exitFault, "", lock+` has no linux-imag-amd64 for board pc; did you mean "linux-image-amd64"?`)
	kept, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, now, want string }{
		"a device binary that it does not name": {"device = \"", "device = \"" + strings.Repeat("0", 64) + "\" # ", "--locked forbids to write it:\n  device binary: 000000000000 -> "},
		"a package that nobody needs":           {"amd64.isolinux]", "amd64.isolinux5]", "does not say which isolinux (amd64) to take"},
		"what a merge left":                     {"[board.pc]", "<<<<<<< ours\n[board.pc]", lock + ":5:1: a merge left its marks here"},
	} {
		if err := os.WriteFile(lock, []byte(strings.Replace(string(kept), c.old, c.now, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		r := bantam("", "build", "--locked", "--device", device, "--out", out, system)
		if r.code != exitFault || !strings.Contains(r.errors, c.want) {
			t.Errorf("%s: exit status %d, %q; want %q", name, r.code, r.errors, c.want)
		}
	}
	bantam("", "build", "--lock", "/sys/kernel/lock", "--device", device, "--out", out, system).expect(t, exitFault, "", "write /sys/kernel/lock: permission denied; --lock FILE takes another place for it")

	store := filepath.Join(out, "store")
	r = bantam("", "size", "--store", store, "--top", "3")
	for _, want := range []string{"kernel", "Linux 6.1.0-", "ext4", ".gopclntab", "runtime", " more\n", " total\n"} {
		if !strings.Contains(r.out, want) || r.code != exitOK {
			t.Errorf("exit status %d, no %q in\n%s%s", r.code, want, r.out, r.errors)
		}
	}
	bantam("", "size", "--store", store, "--json").expect(t, exitOK, `"packages": [`, "")
	bantam("", "size", "--store", store, "--board", "qemu-arm64").expect(t, exitFault, "", "has no generation for board qemu-arm64")

	bantam("hostnam = 1\n", "build", "-", "--device", device, "--out", out).expect(t, exitFault, "", "-:1:1: ")
	bantam("modules = [\"wiregaurd\"]\n", "build", "-", "--device", device, "--out", out).expect(t, exitFault, "", "-:1:12: modules: Linux 6.1.0-")
	bantam("", "build", "-", "--device", device, "--out", out, "--board", "qemu-arm64").expect(t, exitFault, "", "is for EM_X86_64, the board is arm64")
	bantam("", "build", "-", "--device", device, "--out", out, "--kernel", "linux-image-6.1.0-1-amd64").expect(t, exitFault, "", "; it has linux-image-6.1.0-")
	bantam("", "build", "-", "--device", device, "--out", out, "--kernel-files", "/etc/passwd").expect(t, exitFault, "", "/etc/passwd is no Linux kernel for amd64")
	bantam("", "build", "-", "--device", device, "--out", out, "--release", "../12").expect(t, exitFault, "", `no release "../12"; they are called bookworm (12)`)
	bantam("", "build", "-", "--device", device, "--out", "/sys", "--store", filepath.Join(dir, "store")).expect(t, exitFault, "", "cannot write /sys/pc.img: permission denied; --out DIR takes another folder")
	bantam("", "build", "-", "--device", device, "--out", out, "--store", "/sys/kernel/store").expect(t, exitFault, "", "cannot write /sys/kernel/store: operation not permitted; --store DIR takes another folder")
	bantam("", "build", "-", "--device", device, "--out", out, "--cache", "/sys/kernel/cache").expect(t, exitFault, "", "cannot write /sys/kernel/cache: operation not permitted; --cache DIR takes another folder")
	t.Setenv("XDG_CACHE_HOME", "/sys/home/.cache") // of users that have no home
	bantam("", "build", "-", "--device", device, "--out", out).expect(t, exitFault, "", "cannot write /sys/home: operation not permitted; --cache DIR takes another folder")
	t.Setenv("XDG_CACHE_HOME", "")
	bantam("", "build", "-", "--device", device, "--out", "/proc/out").expect(t, exitFault, "", "/proc/out")
	bantam("", "build", "-", "--out", out).expect(t, exitFault, "", "device/amd64/bantam is not there: build it with make device")
	t.Setenv("SOURCE_DATE_EPOCH", "now")
	bantam("", "build", "-", "--device", device, "--out", out).expect(t, exitFault, "", `SOURCE_DATE_EPOCH="now"`)
}

// A disk that is full is named with the flag that takes another one, and nothing else is advised.
func TestAFullDiskIsNamedWithItsFlag(t *testing.T) {
	write := func(path string) error { return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{write("/c/files/x"), "the disk of /c is full: write /c/files/x: no space left on device; make room, or --cache DIR takes another folder"},
		{write("/o/pc.img"), "the disk of /o is full: write /o/pc.img: no space left on device; make room, or --out DIR takes another folder"},
		{write("/elsewhere"), "write /elsewhere: no space left on device"},
		{fmt.Errorf("apt-get download x: %w", syscall.ENOSPC), "the disk of /c is full: apt-get download x: no space left on device; make room, or --cache DIR takes another folder"},
		{errors.New("mksquashfs: exit status 1: Write failed because No space left on device"), "the disk of /c is full: mksquashfs: exit status 1: Write failed because No space left on device; make room, or --cache DIR takes another folder"},
	} {
		if got := unwritable("/c", "--cache", unwritable("/o", "--out", c.err)); got.Error() != c.want {
			t.Errorf("got  %v\nwant %s", got, c.want)
		}
	}
}
