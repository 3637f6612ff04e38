package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bantam/images"
)

var runVerb = verb{
	name:    "run",
	args:    "[IMAGE] [-- QEMU-ARGUMENT...]",
	summary: "start an image in a virtual machine, its serial console on this terminal",
	text: `IMAGE is out/BOARD.img if none is named; one whose name ends in .iso is put in as a CD. The machine works on a
copy on a disk of its own, which is forgotten at the end, or kept with --keep. Ctrl-A X ends it.

QEMU's own arguments follow --. A network card among them (-nic, -netdev, -net, -device) replaces the machine's own, and a
-serial the console on this terminal; an -accel goes before --accel.

With --ssh one can log in from this host: it prints the command, and the line for a file of known hosts when the machine
answers.`,
	declare: func(c *call) func(args []string) error {
		var name string
		boardFlag(c.flags, &name)
		disk := c.flags.String("disk", "", "`SIZE` of the machine's disk, e.g. 512M; what the image leaves free becomes its state volume (default: 1G)")
		keep := c.flags.String("keep", "", "`FILE` that is the machine's disk and stays; used again if it is there")
		memory := c.flags.Int("memory", 0, "`MIB` of memory (default: what the board names)")
		accel := c.flags.String("accel", images.AccelAuto, "`HOW` instructions are run: kvm, tcg (emulation), or auto: by KVM if this host's can, else by emulation")
		bios := c.flags.Bool("bios", false, "start by BIOS, the default of a PC")
		uefi := c.flags.Bool("uefi", false, "start by UEFI")
		var ssh sshFlag
		c.flags.Var(&ssh, "ssh", "a free port of 127.0.0.1, or that of `[=PORT]`, leads to the machine's SSH server")
		return func(args []string) error {
			b, err := loadBoard(name)
			if err != nil {
				return err
			}
			o := images.RunOptions{
				Board: b, Image: filepath.Join("out", b.Name+".img"), Keep: *keep, Memory: *memory, Accel: *accel,
				SSH: ssh.set, SSHPort: ssh.port,
				Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr,
			}
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				o.Image, args = args[0], args[1:]
			}
			if _, err := parsePort(o.Image); err == nil && ssh.set && ssh.port == 0 {
				return usagef("--ssh %s: write --ssh=%s", o.Image, o.Image)
			}
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				return usagef("want one IMAGE, got %s too; QEMU's arguments begin with - and follow --", args[0])
			}
			o.Args = args
			o.CD = strings.HasSuffix(o.Image, ".iso")
			if o.CD && o.Keep != "" {
				return usagef("--keep and an ISO image exclude each other: it runs from memory and forgets")
			}
			if *disk != "" {
				if o.DiskSize, err = parseSize(*disk); err != nil {
					return usagef("--disk: %v", err)
				}
			}
			if *memory < 0 {
				return usagef("--memory: %d MiB", *memory)
			}
			if !slices.Contains([]string{images.AccelAuto, images.AccelKVM, images.AccelTCG}, *accel) {
				return usagef("--accel %s: want auto, kvm or tcg", *accel)
			}
			switch {
			case *bios && *uefi:
				return usagef("--bios and --uefi exclude each other")
			case *bios:
				o.Firmware = images.BIOS
			case *uefi:
				o.Firmware = images.UEFI
			}
			err = images.Run(c.ctx, o)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%w; make an image: bantam build --board %s SYSTEM.toml", err, b.Name)
			}
			return err
		}
	},
}

// sshFlag is --ssh, or --ssh=PORT.
type sshFlag struct {
	set  bool
	port int // 0: none is named
}

func (f *sshFlag) IsBoolFlag() bool { return true }
func (f *sshFlag) String() string   { return "" }

func (f *sshFlag) Set(text string) (err error) {
	*f = sshFlag{set: true}
	switch text {
	case "true": // what flag gives for --ssh
	case "false":
		f.set = false
	default:
		f.port, err = parsePort(text)
	}
	return err
}

// parsePort reads the number of a TCP port.
func parsePort(text string) (int, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && n > 0 {
		return int(n), nil
	}
	return 0, fmt.Errorf("want a port, 1 to 65535")
}

// parseSize reads a number of bytes, e.g. 1G or 512M; the units are powers of 1024.
func parseSize(text string) (int64, error) {
	digits, unit := text, int64(1)
	if i := strings.IndexAny(text, "KMGT"); i >= 0 && i == len(text)-1 {
		digits, unit = text[:i], int64(1)<<(10*(1+strings.IndexByte("KMGT", text[i])))
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("size %q: want a number of bytes, or one with K, M, G or T, e.g. 512M", text)
	}
	return n * unit, nil
}
