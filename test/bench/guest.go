package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"github.com/u-root/u-root/pkg/cpio"

	"bantam/board"
	"bantam/images"
)

// The files of the two machines.
var (
	//go:embed system.toml
	systemText []byte
	//go:embed guest/measure.sh
	measureScript []byte
	//go:embed guest/inittab
	inittab []byte
	//go:embed guest/rcS
	rcS []byte
	//go:embed guest/udhcpc.script
	udhcpcScript []byte
)

const busybox = "/bin/busybox"

// A guest is what a machine boots.
type guest struct {
	name   string // "bantam" or "busybox"
	kernel []byte
	initrd []byte // with what only the measuring needs
	own    int    // bytes of the initrd without that
	words  string // for the kernel's command line

	network string // how the kernel log's line begins that says that the machine is online
	shell   string // name of the process that is the console's shell
}

// inputs are what both guests share.
type inputs struct {
	board   board.Board
	device  string
	kernel  images.Kernel
	cache   images.Cache
	scratch string
}

// bantam composes a generation as `bantam build` does, and adds the instruments.
func (in inputs) bantam(ctx context.Context) (guest, *images.Composed, error) {
	c, err := images.Compose(ctx, images.Inputs{
		Board: in.board, File: "test/bench/system.toml", System: systemText, Kernel: in.kernel, Device: in.device,
		Store: in.scratch + "/store", Cache: in.cache,
	})
	if err != nil {
		return guest{}, nil, err
	}
	more, err := instruments(cpio.StaticFile("bench/switches", "", 0o644))
	if err != nil {
		return guest{}, nil, err
	}
	own := make([]byte, c.Initrd().Size())
	if _, err := c.Initrd().ReadAt(own, 0); err != nil {
		return guest{}, nil, err
	}
	return guest{
		name: "bantam", kernel: c.Kernel, initrd: slices.Concat(own, more), own: len(own),
		words: "bantam.state=memory", network: `bantam: network: ready after`, shell: "bantam-console",
	}, c, nil
}

// peer is busybox init and udhcpc with the very modules of Bantam's generation.
func (in inputs) peer(ctx context.Context, c *images.Composed) (guest, error) {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return guest{}, err
	}
	files := []cpio.Record{
		cpio.StaticFile("bin/busybox", string(program), 0o755),
		cpio.StaticFile("etc/inittab", string(inittab), 0o644),
		cpio.StaticFile("etc/init.d/rcS", string(rcS), 0o755),
		cpio.StaticFile("etc/udhcpc.script", string(udhcpcScript), 0o755),
		cpio.Symlink("init", "bin/busybox"),
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.CharDev("dev/null", 0o666, 1, 3),
		cpio.Directory("proc", 0o755), cpio.Directory("sys", 0o755), cpio.Directory("run", 0o755), cpio.Directory("root", 0o700),
	}
	names, err := exec.CommandContext(ctx, busybox, "--list-full").Output()
	if err != nil {
		return guest{}, fmt.Errorf("%s --list-full: %w", busybox, err)
	}
	for name := range bytes.FieldsSeq(names) {
		files = append(files, cpio.Symlink(string(name), "/bin/busybox"))
	}
	own, err := archive(files)
	if err != nil {
		return guest{}, err
	}
	pack := exec.CommandContext(ctx, "xz", "-9e", "--check=crc32", "--stdout", "--quiet")
	pack.Stdin = bytes.NewReader(own)
	if own, err = pack.Output(); err != nil {
		return guest{}, fmt.Errorf("xz: %w", err)
	}
	for len(own)%4 != 0 {
		own = append(own, 0)
	}
	more, err := instruments()
	if err != nil {
		return guest{}, err
	}
	own = slices.Concat(modulesOf(c), own)
	return guest{
		name: "busybox", kernel: c.Kernel, initrd: slices.Concat(own, more), own: len(own), network: `bench: network up`, shell: "sh",
	}, nil
}

func modulesOf(c *images.Composed) []byte {
	for _, s := range c.Segments {
		if s.Name == "modules" {
			return s.Data
		}
	}
	return nil // everything is built in
}

// instruments are the services that both machines keep, and what measures there.
func instruments(more ...cpio.Record) ([]byte, error) {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return nil, err
	}
	return archive(append(more,
		cpio.StaticFile("bench/dummy", string(dummy()), 0o755),
		cpio.StaticFile("bench/busybox", string(program), 0o755),
		cpio.StaticFile("bench/measure.sh", string(measureScript), 0o755)))
}

// archive packs files with their folders as an initrd segment.
func archive(files []cpio.Record) ([]byte, error) {
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	made := map[string]bool{}
	for _, f := range files {
		for i, r := range f.Name {
			dir := f.Name[:i]
			if r != '/' || made[dir] {
				continue
			}
			made[dir] = true
			if err := w.WriteRecord(cpio.Directory(dir, 0o755)); err != nil {
				return nil, err
			}
		}
		if made[f.Name] {
			continue
		}
		made[f.Name] = true
		if err := w.WriteRecord(f); err != nil {
			return nil, fmt.Errorf("cpio: %s: %w", f.Name, err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return nil, err
	}
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
	return b.Bytes(), nil
}
