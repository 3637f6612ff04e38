package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"bantam/board"
)

// runLimit bounds one machine's life: a quarter of a minute on an idle host.
const runLimit = 2 * time.Minute

// commandLine is all machines' kernel's, so that nothing but the system itself
// differs. The kernel keeps silent on the serial line, which would cost time; its
// log is read at the end.
const commandLine = "console=ttyS0 loglevel=1 panic=-1 printk.devkmsg=on log_buf_len=1M"

// run boots a guest and returns what came over its serial line until it switched
// itself off. Each instruction of the processor takes a nanosecond of the machine's
// own time, which stands still while QEMU does not run: the load of the host cannot
// be seen in it. While the processor has nothing to do the clock jumps to the next
// timer.
func run(ctx context.Context, b board.Board, g guest, dir string) (string, error) {
	limit := cmp.Or(g.limit, runLimit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	count := "shift=0,sleep=off"
	if g.disk != "" || g.drives != nil {
		count = "shift=0" // the disk takes its own time, in which the clock must not jump to the next timer
	}
	args := []string{
		"-machine", b.QEMU.Machine, "-accel", "tcg", "-icount", count, "-smp", "1", "-m", strconv.Itoa(jobMemory),
		"-rtc", "base=2026-01-01,clock=vm", "-seed", "1",
		"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,tx=timer",
		"-display", "none", "-vga", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
	}
	if g.disk != "" {
		args = append(args, "-drive", "if=none,id=disk,format=raw,file="+g.disk, "-device", "nvme,drive=disk,serial=bench,bootindex=0")
	} else {
		kernel, initrd := filepath.Join(dir, g.name+".kernel"), filepath.Join(dir, g.name+".initrd")
		for path, data := range map[string][]byte{kernel: g.kernel, initrd: g.initrd} {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				return "", err
			}
		}
		args = append(args, "-kernel", kernel, "-initrd", initrd, "-append", commandLine+" "+g.words)
	}
	cmd := exec.CommandContext(ctx, b.QEMU.Binary, append(args, g.drives...)...)
	var console, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &console, &problems
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("%s: not over after %v", g.name, limit)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s%s", b.QEMU.Binary, err, problems.Bytes(), last(console.String()))
	}
	return console.String(), err
}

// last is the end of what a machine has said.
func last(said string) string { return said[max(0, len(said)-4000):] }
