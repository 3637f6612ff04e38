package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/u-root/u-root/pkg/cpio"
)

var (
	//go:embed guest/early.sh
	earlyScript string
	//go:embed guest/udhcpc.script
	udhcpcScript string
)

// common is what the roots of all peers have: busybox, whose shell runs their scripts, the modules of the
// job, the script that mounts and loads, and udhcpc's script.
func (in inputs) common(ctx context.Context, root tree) error {
	packages, err := in.archive.Packages(ctx, "busybox-static")
	if err != nil {
		return err
	}
	busybox := filepath.Join(packages["busybox-static"].Dir, "bin/busybox")
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	root.add(cpio.StaticFile("bin/busybox", string(program), 0o755),
		cpio.CharDev("dev/console", 0o600, 5, 1), cpio.CharDev("dev/null", 0o666, 1, 3))
	for _, dir := range []string{"proc", "sys", "run", "root", "tmp", "etc"} {
		root.add(cpio.Directory(dir, 0o755))
	}
	names, err := exec.CommandContext(ctx, busybox, "--list-full").Output()
	if err != nil {
		return fmt.Errorf("%s --list-full: %w", busybox, err)
	}
	for name := range bytes.FieldsSeq(names) {
		if string(name) != "sbin/init" {
			root.add(cpio.Symlink(string(name), "/bin/busybox"))
		}
	}
	insmods := ""
	for _, name := range jobModules {
		data, err := os.ReadFile(filepath.Join(in.kernel.Modules, "kernel", name))
		if err != nil {
			return err
		}
		at := "lib/modules/" + path.Base(name)
		root.add(cpio.StaticFile(at, string(data), 0o644))
		insmods += "insmod /" + at + "\n"
	}
	root.text("etc/load", "#!/bin/sh\n"+insmods+"ifconfig lo 127.0.0.1 up\n")
	root.text("etc/early", earlyScript+insmods)
	root.text("etc/udhcpc.script", udhcpcScript)
	root.add(instruments()...)
	return nil
}
