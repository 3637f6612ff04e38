// Command guest is PID 1 of the machine test: it opens the state volume, says what it got, counts its boots in a file on
// it, and waits for lines: "spoil" lets the kernel find an error, "renew" and "keep" mark the volume and take that back,
// "grow" grows it and says after each step how far it is, "off" unmounts and switches off. On a disk with boot slots "stage"
// puts this program and a module into slot B as kernel and initrd, "try" has the loader start it.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"bantam/init/bootslot"
	"bantam/init/statevolume"
	"bantam/layer"
	"bantam/switcher"

	"golang.org/x/sys/unix"
)

func main() {
	os.MkdirAll("/proc", 0o755)
	os.MkdirAll("/sys", 0o755)
	os.MkdirAll("/dev", 0o755)
	unix.Mount("proc", "/proc", "proc", 0, "")
	unix.Mount("sys", "/sys", "sysfs", 0, "")
	unix.Mount("dev", "/dev", "devtmpfs", 0, "")
	console, err := os.OpenFile("/dev/console", os.O_RDWR, 0)
	if err != nil {
		return
	}
	say := func(format string, args ...any) { fmt.Fprintf(console, "TEST "+format+"\n", args...) }
	say("opening")

	words, _ := os.ReadFile("/proc/cmdline")
	// Drivers come while Open already waits, as by hotplug, or all disks are there before it.
	drivers := func() {
		for _, name := range []string{"virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"} {
			if err := load(name); err != nil {
				say("%v", err)
			}
		}
	}
	if strings.Contains(string(words), "drivers=first") {
		drivers()
	} else {
		go drivers()
	}
	v, err := statevolume.Open(context.Background(), statevolume.Options{Cmdline: string(words), Dir: "/state", ImagePath: "/bantam/state.template",
		Wait: 10 * time.Second, LoadModule: func(string) error { return nil }}) // ext4 is in this kernel
	if err != nil {
		say("error %v", err)
	}
	count, _ := os.ReadFile("/state/boots")
	count = append(count, 'x')
	if f, err := os.Create("/state/boots"); err == nil {
		f.Write(count)
		f.Sync()
		f.Close()
	}
	for _, note := range v.Notes {
		say("note %s", note)
	}
	say("volume kind=%s origin=%s device=%s size=%d boots=%d check=%q reason=%s.", v.Kind, v.Origin, v.Device, v.Size, len(count), v.Check(), v.Reason)

	if v.Slots().Disk != "" {
		say("slots %+v.", v.Slots())
	}
	slots := func() *bootslot.Loader {
		loader, notes := bootslot.Open(bootslot.Options{Slots: v.Slots(), Booted: "A", Loader: "grub", Area: func() (layer.Area, error) { return nil, nil }})
		for _, note := range notes {
			say("note %s", note)
		}
		l, _ := loader.(*bootslot.Loader)
		return l
	}

	lines := bufio.NewScanner(console)
	for lines.Scan() {
		switch strings.TrimSpace(lines.Text()) {
		case "spoil":
			os.WriteFile("/sys/fs/ext4/"+strings.TrimPrefix(v.Device, "/dev/")+"/trigger_fs_error", []byte("a test"), 0o600)
			say("check=%q", v.Check())
		case "renew":
			say("renew: %v", v.Renew(true))
		case "keep":
			say("keep: %v", v.Renew(false))
		case "grow":
			n := 0
			err := v.Grow(context.Background(), func(size int64) {
				n++
				say("step %d: %d GB", n, size/1e9)
			})
			say("grow: %v", err)
		case "stage":
			s, err := staging()
			s.Progress = func(done, total int64) { say("%d of %d bytes", done, total) }
			if err == nil {
				err = slots().Stage(context.Background(), "B", s)
			}
			say("stage: %v", err)
		case "try":
			say("try: %v", slots().Try("B", 3))
		case "off":
			unix.Sync()
			say("close: %v", unix.Unmount("/state", 0))
			unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		}
	}
}

// staging is a generation made of what this machine has.
func staging() (s switcher.Staging, err error) {
	s.System = []byte("# a test\n")
	files := map[switcher.Digest][]byte{}
	blob := func(name string) (d switcher.Descriptor) {
		b, fault := os.ReadFile(name)
		if fault != nil {
			err = fault
		}
		d.Digest, d.Size = switcher.DigestOf(b), int64(len(b))
		files[d.Digest] = b
		return d
	}
	g := switcher.Generation{Board: "pc", Arch: "amd64", System: switcher.Descriptor{Digest: switcher.DigestOf(s.System), Size: int64(len(s.System))}}
	g.Kernel, g.Initrd = blob("/init"), []switcher.Descriptor{blob("/modules/virtio_blk.ko")}
	s.Generation = g
	s.Blob = func(d switcher.Digest) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files[d])), nil }
	return s, err
}

func load(name string) error {
	f, err := os.Open("/modules/" + name + ".ko")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("module %s: %w", name, err)
	}
	return nil
}
