package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"bantam/board"
	"bantam/images"
)

// The job that every system does: load these modules, of Debian's kernel for virtual machines, in this order;
// get one lease by DHCP; run the services; say READY on the serial line when all of that is done.
var jobModules = []string{
	"drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko",
	"drivers/virtio/virtio_pci_legacy_dev.ko", "drivers/virtio/virtio_pci_modern_dev.ko", "drivers/virtio/virtio_pci.ko",
	"net/core/failover.ko", "drivers/net/net_failover.ko", "drivers/net/virtio_net.ko",
}

const (
	jobKernel   = "linux-image-cloud-amd64"
	jobServices = 5
	jobMemory   = 256 // MiB
	moreBy      = 20  // services of the second run, for what each further one takes
)

// inputs are what all guests share.
type inputs struct {
	board   board.Board
	device  string
	kernel  images.Kernel // with the modules of the job alone
	whole   images.Kernel // with all of its modules
	image   []byte
	archive images.Archive
	cache   images.Cache
	scratch string
}

// gather finds what the guests are made from. What is not in the cache is fetched from Debian's archive.
func gather(ctx context.Context, device, scratch string) (in inputs, err error) {
	in = inputs{device: device, scratch: scratch}
	if in.board, err = board.Load("pc"); err != nil {
		return in, err
	}
	for program, debian := range map[string]string{in.board.QEMU.Binary: in.board.QEMU.Package, "xz": "xz-utils"} {
		if _, err := exec.LookPath(program); err != nil {
			return in, fmt.Errorf("%s is missing: apt-get install %s", program, debian)
		}
	}
	if in.cache.Dir, err = images.DefaultCacheDir(); err != nil {
		return in, err
	}
	in.archive = images.Archive{CacheDir: in.cache.Dir, Arch: in.board.DebianArch}
	whole, err := images.DebianKernel(ctx, in.archive, jobKernel)
	if err != nil {
		return in, err
	}
	if in.image, err = os.ReadFile(whole.Image); err != nil {
		return in, err
	}
	dir := filepath.Join(scratch, whole.Version)
	for _, name := range append([]string{"../modules.builtin"}, jobModules...) {
		data, err := os.ReadFile(filepath.Join(whole.Modules, "kernel", name))
		if err != nil {
			return in, err
		}
		path := filepath.Join(dir, "kernel", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return in, err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return in, err
		}
	}
	if in.kernel, err = images.KernelFiles(whole.Image, dir, "", in.board.Arch); err != nil {
		return in, err
	}
	in.kernel.Date, in.whole = whole.Date, whole
	return in, nil
}
