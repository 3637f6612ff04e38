package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bantam/board"
	"bantam/flash"
	"bantam/packing"
	"bantam/recovery"
	"bantam/serial"
)

// farFlags are those of flash for a board at the other end of a line.
type farFlags struct {
	sshFlags
	ssh, then string // HOST, and where it is afterwards
	serial    string // TTY
	tftp      bool
	baud      int
	board     string
	log       string
	wait      time.Duration
}

func (f *farFlags) declare(c *call) {
	c.flags.StringVar(&f.serial, "serial", "", "write to the medium of a board, through the prompt of its boot loader at this `TTY`")
	c.flags.BoolVar(&f.tftp, "tftp", false, "give IMAGE by TFTP to a board whose boot loader asks for it; with --serial have it load so, and not over the line")
	c.flags.StringVar(&f.ssh, "ssh", "", "install IMAGE on the `HOST` that runs OpenWrt, by its own sysupgrade")
	c.flags.StringVar(&f.then, "then", "", "where that is to be reached afterwards, if its address changes: another `HOST`")
	f.sshFlags.declare(c.flags)
	c.flags.IntVar(&f.baud, "baud", 0, "`SPEED` of that prompt in bits a second (default: what the board's file says)")
	c.flags.StringVar(&f.board, "board", "", "`NAME` of the board, or the FILE.toml of one of your own (default: what the image is for)")
	c.flags.StringVar(&f.log, "log", "", "keep what comes over the serial line in `FILE`, behind what is in it")
	c.flags.DurationVar(&f.wait, "wait", 2*time.Minute, "for so long the boot loader is waited for: a `TIME`")
}

// check refuses what does not go together.
func (f *flashing) check(args []string) error {
	switch far := f.farFlags; {
	case far.serial == "" && (far.baud != 0 || far.log != ""):
		return usagef("--baud and --log are for a board at --serial TTY")
	case far.ssh == "" && (far.then != "" || far.port != 0 || far.identity != "" || len(far.options) > 0):
		return usagef("--then, --port, --identity and -o are for a host at --ssh HOST")
	case far.ssh != "" && (far.serial != "" || far.tftp):
		return usagef("--ssh goes without --serial and --tftp")
	case strings.HasPrefix(far.ssh, "-"), far.port < 0 || far.port > 65535:
		return usagef("--ssh %q, --port %d: want what ssh takes, e.g. root@192.168.1.1", far.ssh, far.port)
	case far.serial == "" && !far.tftp && far.ssh == "" && far.board != "":
		return usagef("--board is for one at --serial TTY or --ssh HOST, or with --tftp")
	case far.serial == "" && !far.tftp && far.ssh == "":
		return nil
	case len(args) != 1:
		return usagef("want one IMAGE for the board, got %d arguments", len(args))
	case f.fixed, f.unmount, f.test:
		return usagef("--fixed, --unmount and --test are for disks of this host, not for a board")
	case far.baud != 0 && (far.baud < 50 || far.baud > 20_000_000):
		return usagef("--baud %d: want 50 to 20000000, mostly 115200", far.baud)
	case far.wait <= 0:
		return usagef("--wait %v", far.wait)
	}
	return nil
}

// rescued is the board that an image is for, which must be one whose boot loader can be spoken to.
func (f *flashing) rescued() (board.Board, error) {
	of := f.image.Kind.Machine.Board
	name := cmp.Or(f.farFlags.board, of)
	if name == "" {
		return board.Board{}, fmt.Errorf("%s does not say for which board it is: --board NAME", f.path)
	}
	b, err := loadBoard(name)
	switch {
	case err != nil:
		return b, err
	case of != "" && of != b.Name && !f.force:
		return b, fmt.Errorf("%s is for board %s, not %s; --force writes it nevertheless", f.path, of, b.Name)
	case f.image.Size > b.ImageLimit:
		return b, fmt.Errorf("%s has %d bytes, and board %s takes %d", f.path, f.image.Size, b.Name, b.ImageLimit)
	}
	return b, nil
}

// bySerial writes an image through the prompt of a boot loader.
func (f *flashing) bySerial() error {
	if err := f.survey(); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	b, err := f.rescued()
	if err != nil {
		return err
	}
	rescue := b.Rescue
	if rescue.IsZero() {
		return fmt.Errorf("of board %s nobody has said how its boot loader writes: a file of your own with a table [rescue] does, see docs/boards.md, and --board FILE.toml", b.Name)
	}
	if err := f.image.Kind.Check(f.force || rescue.Block > 4096); err != nil { // flash holds other things than disks do
		return fmt.Errorf("%s: %w", f.path, err)
	}
	switch {
	case f.tftp && (rescue.Host == "" || rescue.Board == "" || len(rescue.TFTP) == 0):
		return fmt.Errorf("the file of board %s does not say how it loads by TFTP: host, board and tftp of [rescue]; without --tftp it loads over the line", b.Name)
	case !f.tftp && rescue.Line == "":
		return fmt.Errorf("the boot loader of board %s cannot load over the line: --tftp", b.Name)
	}
	fmt.Fprintf(f.stdout, "%s: %v, %s\n", f.path, f.image.Kind, flash.Size(f.image.Size))
	rescue.Baud = cmp.Or(f.baud, rescue.Baud)
	path := f.serial
	if filepath.Base(path) == path {
		path = "/dev/" + path
	}
	if err := f.agreed(fmt.Sprintf("Everything on the medium of the board at %s, a %s, will be lost. Write?", path, b.Name)); err != nil {
		return err
	}
	image, remove, err := f.plain()
	if err != nil {
		return err
	}
	defer remove()
	line, err := serial.Open(path, rescue.Baud, false)
	if err != nil {
		return err
	}
	defer line.Close()
	if rescue.Fast, err = recovery.Speeds(line, rescue.Baud, rescue.Fast); err != nil {
		return err
	}
	ends := recovery.Ends{Wire: line}
	host, _ := netip.ParsePrefix(rescue.Host) // it was checked, or is none
	if f.tftp {
		put, stop, err := f.serveBeside(rescue)
		if err != nil {
			return err
		}
		defer stop()
		ends.Serve = put
	}
	if f.log != "" {
		log, err := serial.OpenLog(f.log)
		if err != nil {
			return err
		}
		defer log.Close()
		ends.Log = log
	}
	show, end := f.progress()
	defer func() { end() }()
	job := &recovery.Job{
		Rescue: rescue, Image: image, Size: f.image.Size, Ours: f.image.Kind.Machine.Board != "",
		Name: b.Name, Force: f.force, Wait: f.wait, ByTFTP: f.tftp, Host: host.Addr().String(), Board: rescue.Board,
		Say: func(line string) {
			end()
			fmt.Fprintln(f.stdout, line)
		},
		Show: func(p recovery.Progress) { show(flash.Stage(p.Doing), p.Done, p.Total) },
	}
	began := time.Now()
	err = job.Run(f.ctx, ends)
	end()
	switch {
	case errors.Is(err, serial.ErrGone):
		return fmt.Errorf("%s: %w The same command goes on where it has stopped", path, err)
	case errors.Is(err, recovery.ErrInterrupted):
		fmt.Fprintf(f.stderr, "the same command goes on where it has stopped\n")
		return f.ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	fmt.Fprintf(f.stdout, "done after %v\n", time.Since(began).Round(time.Second))
	return nil
}

// agreed asks before something that cannot be taken back.
func (f *flashing) agreed(question string) error {
	if f.yes {
		return nil
	}
	if !f.asks() {
		return errors.New("there is no terminal to ask on; --yes writes without a question")
	}
	answer, err := f.ask(question + " [y/N] ")
	if err == nil && answer != "y" {
		err = errors.New("nothing was written")
	}
	return err
}

// plain is the image as a file that can be read anywhere: itself, or unpacked in a file that remove takes away.
func (f *flashing) plain() (image *os.File, remove func(), err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	plain, format, err := packing.Open(file)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	defer plain.Close()
	if format == nil {
		return file, func() { file.Close() }, nil
	}
	defer file.Close()
	unpacked, err := os.CreateTemp("", "bantam-image-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() {
		unpacked.Close()
		os.Remove(unpacked.Name())
	}
	if _, err := io.Copy(unpacked, plain); err != nil {
		remove()
		return nil, nil, err
	}
	return unpacked, remove, nil
}
