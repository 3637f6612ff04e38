package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"

	"bantam/images"
)

var (
	//go:embed system.toml
	switchSystem []byte
	//go:embed guest/measure.sh
	measureScript []byte
)

// jobSystem is the job as a system.toml: the network as with an empty file.
func jobSystem(services int) []byte {
	var b strings.Builder
	b.WriteString("hostname = \"bench\"\n")
	needs := []string{`"network"`}
	for n := range services {
		fmt.Fprintf(&b, "[service.s%d]\ncommand = [\"/bench/service\"]\n", n)
		needs = append(needs, fmt.Sprintf(`"s%d"`, n))
	}
	fmt.Fprintf(&b, "[service.ready]\ncommand = [\"/bench/ready\"]\nrestart = \"never\"\nneeds = [%s]\n", strings.Join(needs, ", "))
	return []byte(b.String())
}

// bantam composes a generation as `bantam build` does, and adds what the services run.
func (in inputs) bantam(ctx context.Context, services int) (guest, error) {
	return in.compose(ctx, "bantam", jobSystem(services), instruments())
}

// switches is the machine in which `bantam switch` is timed and the memory of each process is read.
func (in inputs) switches(ctx context.Context) (guest, error) {
	busybox, err := in.archive.Packages(ctx, "busybox-static")
	if err != nil {
		return guest{}, err
	}
	program, err := os.ReadFile(busybox["busybox-static"].Dir + "/bin/busybox")
	if err != nil {
		return guest{}, err
	}
	return in.compose(ctx, "switches", switchSystem, append(instruments(),
		cpio.StaticFile("bench/busybox", string(program), 0o755),
		cpio.StaticFile("bench/measure.sh", string(measureScript), 0o755)))
}

func (in inputs) compose(ctx context.Context, name string, system []byte, more []cpio.Record) (guest, error) {
	c, err := in.generation(ctx, name, system, more)
	if err != nil {
		return guest{}, err
	}
	return guest{name: name, kernel: c.Kernel, initrd: c.Initrd(), words: "bantam.state=memory"}, nil
}

// generation is one of the job's modules with what the services run in a segment of its own.
func (in inputs) generation(ctx context.Context, name string, system []byte, more []cpio.Record) (*images.Composed, error) {
	b := in.board
	b.Modules = []string{"virtio_pci", "virtio_net"}
	c, err := images.Compose(ctx, images.Inputs{
		Board: b, File: name + ".toml", System: system, Kernel: in.kernel, Device: in.device,
		Store: in.scratch + "/store", Cache: in.cache,
	})
	if err != nil {
		return nil, err
	}
	programs, err := archiveOf(more)
	c.Segments = append(c.Segments, images.Segment{Name: "bench", Data: programs})
	return c, err
}

// installed is a disk whose image has booted before: it has made its state volume and
// remembers the address that it had. The kernel has the driver of an NVMe disk built in.
func (in inputs) installed(ctx context.Context, services int) (guest, error) {
	c, err := in.generation(ctx, "installed", jobSystem(services), instruments())
	if err != nil {
		return guest{}, err
	}
	b := in.board
	b.Name, b.Cmdline = "installed", commandLine
	if _, err := c.WriteMedia(ctx, in.archive, b, in.scratch, []string{"img"}); err != nil {
		return guest{}, err
	}
	g := guest{name: "first", disk: in.scratch + "/installed.img"}
	if err := os.Truncate(g.disk, diskSize); err != nil {
		return g, err
	}
	_, err = in.boot(ctx, g)
	g.name = "second"
	return g, err
}

const diskSize = 256 << 20
