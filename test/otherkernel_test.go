package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/images"
	"bantam/newc"
	"bantam/switcher"
)

// altered makes an archive of the generation of a build, changed; the store takes what it has to hold then.
func altered(t *testing.T, out, to string, change func(*switcher.Store, *switcher.Generation)) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	store, err := switcher.OpenStore(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := store.Index()
	if err != nil || len(index) != 1 {
		t.Fatalf("%d generations, %v", len(index), err)
	}
	g, err := store.Generation(index[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	change(store, &g)
	if err := store.SetIndex(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutGeneration(g, time.Unix(0, 0), index[0].Annotations); err != nil {
		t.Fatal(err)
	}
	archiveOf(t, dir, to)
}

// withInit replaces the segment that holds the device binary.
func withInit(t *testing.T, segment []byte) func(*switcher.Store, *switcher.Generation) {
	return func(s *switcher.Store, g *switcher.Generation) {
		d, err := s.PutBytes(segment)
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Initrd {
			if g.Initrd[i].Annotations[switcher.SegmentAnnotation] == "init" {
				g.Initrd[i].Digest, g.Initrd[i].Size = d, int64(len(segment))
			}
		}
	}
}

// exiting is an initrd segment whose /init ends at once.
func exiting(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "init")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	segment, err := newc.Pack([]newc.File{{Path: "init", Mode: 0o755, Data: read(t, program)}})
	if err != nil {
		t.Fatal(err)
	}
	return segment
}

// A machine gets Debian's next kernel with settings of their own from a stick, is edited on it, and goes back over the kernel.
// Then come generations that never get as far as their proof: each is left without a person, and says why.
func TestAnotherKernelIsASwitchLikeAnyOther(t *testing.T) {
	const example = "../examples/pc/system.toml"
	old := build(t, "pc", example)
	later := build(t, "pc", changed(t, example, `hostname = "bantam"`, `hostname = "later"`), "--kernel", "linux-image-6.12-amd64")
	files := t.TempDir()
	archiveOf(t, later, filepath.Join(files, "later.tar"))
	altered(t, later, filepath.Join(files, "panics.tar"), func(_ *switcher.Store, g *switcher.Generation) {
		g.Kernel.Annotations[switcher.CmdlineAnnotation] = "console=ttyS0,115200 panic=1 rdinit=/none"
	})
	altered(t, old, filepath.Join(files, "garbage.tar"), withInit(t, bytes.Repeat([]byte("no archive"), 1000)))
	altered(t, old, filepath.Join(files, "exits.tar"), withInit(t, exiting(t)))
	altered(t, later, filepath.Join(files, "unproven.tar"), func(s *switcher.Store, g *switcher.Generation) {
		text := []byte("hostname = \"unproven\"\n[proof]\ntimeout = \"20s\"\n[service.broken]\ncommand = [\"sh\", \"-c\", \"echo no luck; exit 3\"]\n")
		d, err := s.PutBytes(text)
		if err != nil {
			t.Fatal(err)
		}
		g.System.Digest, g.System.Size = d, int64(len(text))
	})
	usb := usbStick(t, files)
	for _, f := range []firmware{bios, uefi} {
		t.Run(string(f), func(t *testing.T) {
			path := disk(t, filepath.Join(old, "pc.img"))
			c := start(t, pc(t, f, "-drive", virtio(path), "-drive", virtio(usb)))
			c.settled()
			c.must("bantam status", "generation  1, good", "Linux 6.1.")
			c.stick()
			c.loopOfFailures(f)
			if f == bios { // the last failure had kernel and modules; of the first, which had this system.toml, all may have been collected
				c.newKernelAndBack("bantam", "boot slot B holds kernel 6.12.", 0, 1)
			} else {
				c.newKernelAndBack("bantam", "stage kernel 6.12.", 3) // kernel, modules, system.toml
			}
			c.Send("poweroff\r")
			c.WaitEnd()
		})
	}
}

// The same on arm64, whose kernel lies packed in the slot: GRUB unpacks one, U-Boot the other.
func TestAnotherKernelOnArm64(t *testing.T) {
	const example = "../examples/qemu-arm64/system.toml"
	for _, board := range []string{"qemu-arm64", "qemu-arm64-uboot"} {
		t.Run(board, func(t *testing.T) {
			old := build(t, board, example)
			later := build(t, board, changed(t, example, `hostname = "bantam-arm64"`, `hostname = "later"`), "--kernel", "linux-image-6.12-arm64")
			files := t.TempDir()
			archiveOf(t, later, filepath.Join(files, "later.tar"))
			c := startAs(t, "bantam-arm64", onBoard(t, board, images.RunOptions{Image: filepath.Join(old, board+".img"), Args: []string{"-drive", virtio(usbStick(t, files))}}))
			c.must("bantam status", "generation  1, good", "Linux 6.1.")
			c.stick()
			c.newKernelAndBack("bantam-arm64", "stage kernel 6.12.", 3) // kernel, modules, system.toml
			c.Send("poweroff\r")
			c.WaitEnd()
		})
	}
}

// newKernelAndBack goes to another kernel, of which one of so many blobs are lacking and whose plan says what becomes of slot B,
// and back to generation 1, which has that host name.
func (c *console) newKernelAndBack(host, staged string, lacking ...int) {
	c.t.Helper()
	if m := importedBytes(c.t, c.must("bantam import --json /mnt/later.tar", `"number"`)); !slices.Contains(lacking, m.Loaded) || m.Bytes > 20<<20 {
		c.t.Errorf("another kernel has moved %+v, want %d blobs", m, lacking)
	}
	number := c.newest()
	c.must("bantam switch "+number+"; echo code $?", "it needs kernel 6.12.", "booted is 6.1.", "`bantam switch "+number+" --reboot`", "code 1")
	c.must("bantam plan "+number, staged, "have boot slot B tried, 3 boots")
	plain := c.restarted("reboot", c.host)
	other := c.restarted("bantam switch "+number+" --reboot", "later")
	c.t.Logf("%.0f s from switch --reboot until another kernel is proven, %.0f s from reboot until the same one is", other.Seconds(), plain.Seconds())
	c.must("bantam status", "generation  "+number+", good", "Linux 6.12.")
	c.must("uname -r", "6.12.")

	c.write("/tmp/edited.toml", "hostname = \"edited\"\n")
	c.Send("bantam switch /tmp/edited.toml\r")
	c.Expect("runs and is the default")
	c.host = "edited"
	c.prompt()
	c.Reset()
	c.booted()
	c.settled()
	c.must("uname -r; hostname", "6.12.", "edited")

	c.must("bantam rollback 1; echo code $?", "`bantam rollback 1 --reboot`", "code 1")
	c.restarted("bantam rollback 1 --reboot", host)
	c.must("uname -r; bantam status", "6.1.", "generation  1, good")
	c.must("bantam generations", "in slot B")
}

// restarted waits until the boot that a command leads to is proven, and says how long that took.
func (c *console) restarted(command, host string) time.Duration {
	c.t.Helper()
	began := time.Now()
	c.Send(command + "\r")
	c.host = host
	c.booted()
	c.settled()
	return time.Since(began)
}

// newest is the number of the generation that was made last.
func (c *console) newest() string {
	c.t.Helper()
	lines := strings.Split(strings.TrimSpace(c.run("bantam generations")), "\n")
	return strings.Fields(lines[len(lines)-1])[0]
}

func (c *console) loopOfFailures(f firmware) {
	c.t.Helper()
	for _, bad := range []struct{ file, state, reason string }{
		{"panics", "bad", "not once came as far as its proof in 3 boots"},
		{"garbage", "bad", "not once came as far as its proof in 3 boots"},
		{"exits", "bad", "not once came as far as its proof in 3 boots"},
		{"unproven", "bad", "service broken: exit status 3"},
	} {
		if f == uefi && bad.file != "garbage" {
			continue // what PID 1 does is the same
		}
		c.must("bantam import /mnt/"+bad.file+".tar", "generation")
		number := c.newest()
		c.Send("bantam boot " + number + "\r")
		c.Expect("the next boot tries generation " + number + ", from boot slot B")
		c.prompt()
		c.Send("reboot\r")
		c.booted()
		c.settled()
		c.must("bantam status", "generation  1, good", "Linux 6.1.", "generation "+number+" was tried at a boot", "is "+bad.state+": ", bad.reason)
		c.stick()
	}
}
