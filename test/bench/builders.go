package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// A builder makes a system from Debian's packages, the same kernel and a shell among them. Once it has done so it does it again with
// another host name, which is the build that is measured: what it keeps between two builds it has.
type builder struct {
	name       string // of Debian's package
	makes, out string // what it makes, and the name of its file
	again      int    // how often it is measured, of which the fastest counts
	// command builds in dir, whose package cache and intermediate results are there from the build before; it writes out.
	command func(dir, hostname, out string) ([]string, error)
}

// A build is what one took.
type build struct {
	Builder string  `json:"builder"`
	Makes   string  `json:"makes"`
	Seconds float64 `json:"s"`
	CPU     float64 `json:"cpu_s"` // of all its processes, the kernel's part included
	Bytes   int64   `json:"bytes"`
}

// peerBuilders are those of Debian 12. Both run as root, as their fastest ways ask for.
//
// mmdebstrap: nothing is configured and no program of the new system runs (variant extract), so it is a tree of files as Bantam's is.
// mkosi: incremental, which keeps the tree that the packages make; cpio, its only format that both is an image and may be made incrementally without
// loop devices and a kernel with vfat. Its container is not registered with a bus, which a build machine need not have.
var peerBuilders = []builder{
	{name: "mmdebstrap", makes: "tar of the tree", out: "out.tar", again: 1, command: func(dir, hostname, out string) ([]string, error) {
		name := fmt.Sprintf(`echo %s > "$1"/etc/hostname`, hostname)
		return []string{"mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--include=" + strings.Join(builtPackages, ","),
			"--customize-hook=" + name, "bookworm", out}, nil
	}},
	{name: "mkosi", makes: "cpio of the tree", out: "out.cpio", again: 1, command: func(dir, hostname, out string) ([]string, error) {
		return []string{"mkosi", "--force", "--incremental", "--nspawn-keep-unit", "--cache=" + filepath.Join(dir, "cache"), "--directory=" + dir,
			"--distribution=debian", "--release=bookworm", "--format=cpio", "--bootable=no", "--with-docs=no",
			"--package=" + strings.Join(builtPackages, ","), "--hostname=" + hostname, "--output=" + filepath.Base(out), "build"}, nil
	}},
}

// builtPackages are what they take besides what they insist on.
var builtPackages = []string{"linux-image-cloud-amd64", "busybox-static"}

// builds measures Bantam and those of the peers that are installed, in dir.
func (r *report) builds(ctx context.Context, tool, device, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	bantam := builder{name: "bantam", makes: "disk image and ISO", out: "pc.img", again: 5, command: func(dir, hostname, out string) ([]string, error) {
		file := filepath.Join(dir, "build.toml")
		text := fmt.Sprintf("hostname = %q\npackages = [\"busybox-static\"]\n", hostname)
		return []string{tool, "build", "--board", "pc", "--device", device, "--out", filepath.Dir(out), file}, os.WriteFile(file, []byte(text), 0o644)
	}}
	made, err := bantam.measure(ctx, filepath.Join(dir, "build-"+bantam.name))
	if err != nil {
		return err
	}
	r.Builds = append(r.Builds, made)
	for _, b := range peerBuilders {
		version, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", b.name).Output()
		switch {
		case err != nil || len(version) == 0:
			r.Builders = append(r.Builders, b.name+" is not installed")
			continue
		case os.Geteuid() != 0:
			r.Builders = append(r.Builders, b.name+" needs root")
			continue
		}
		if made, err = b.measure(ctx, filepath.Join(dir, "build-"+b.name)); err != nil {
			return err
		}
		r.Builds, r.Builders = append(r.Builds, made), append(r.Builders, b.name+" "+string(version))
	}
	return nil
}

// measure is the fastest of some builds after the first.
func (b builder) measure(ctx context.Context, dir string) (best build, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return best, err
	}
	out := filepath.Join(dir, b.out)
	for n := range 1 + b.again {
		argv, err := b.command(dir, fmt.Sprintf("bench%d", n), out)
		if err != nil {
			return best, err
		}
		run := exec.CommandContext(ctx, argv[0], argv[1:]...)
		start := time.Now()
		if said, err := run.CombinedOutput(); err != nil {
			return best, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, last(string(said)))
		}
		took := time.Since(start).Seconds()
		info, err := os.Stat(out)
		if err != nil {
			return best, err
		}
		cpu := (run.ProcessState.UserTime() + run.ProcessState.SystemTime()).Seconds()
		if n > 0 && (best.Seconds == 0 || took < best.Seconds) {
			best = build{b.name, b.makes, took, cpu, info.Size()}
		}
	}
	return best, nil
}

func (r *report) printBuilds(w io.Writer) {
	fmt.Fprint(w, "Built again with another host name, of this host's time:\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\ts\tCPU s\tMB\t\t\n")
	for _, b := range r.Builds {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.1f\t%s\t\n", b.Builder, b.Seconds, b.CPU, float64(b.Bytes)/1e6, b.Makes)
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s\n\n", strings.Join(r.Builders, ", "))
}
