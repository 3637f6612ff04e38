package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"bantam/flash"
	"bantam/flash/hostdisk"
	"bantam/images"
	"bantam/packing"
	"bantam/tty"
)

var flashVerb = verb{
	name:    "flash",
	args:    "[IMAGE [DEVICE]]",
	summary: "write an image to a card, a stick or a disk, or to a board by its boot loader or OpenWrt",
	text: `IMAGE is a disk image or an ISO that starts from disks, also compressed by xz, zstd or gzip. All of it is read, and told what
it is, before anything is written. Without DEVICE the disks that one can pull out are listed, and one is asked for; without
IMAGE they are only listed.

What the device holds already is not written again: after a Ctrl-C or a card that was pulled out the same command goes on.
Until all has been written and read back, nothing starts from the device.

Refused are the disk that this host runs from, partitions, what is write-protected or too small; without --fixed disks that
stay in the machine; without --unmount what is mounted.

With --serial TTY the image goes to a board that starts nothing any more, through the prompt of its boot loader: it is loaded
over the line (YMODEM) or by --tftp, summed up in the boot loader's memory, written, read back, summed up again and started;
then the console is watched until the machine says that it has proven itself. What is on the board's medium already is not
loaded. How a boot loader is spoken to says the table [rescue] of the board's file.

With --tftp alone the image is given, once, to a board whose boot loader asks for a file by itself.

With --ssh HOST it goes to a machine that runs OpenWrt: board, memory and space there are compared with the image, it is sent and
summed up, its sysupgrade looks at it and, when you agree, writes it (-n: nothing of OpenWrt's settings is kept); then Bantam is
waited for.`,
	declare: func(c *call) func(args []string) error {
		f := flashing{call: c}
		f.farFlags.declare(c)
		c.flags.BoolVar(&f.fixed, "fixed", false, "disks that stay in the machine are listed and written, too")
		c.flags.BoolVar(&f.unmount, "unmount", false, "unmount what is mounted of the device")
		c.flags.BoolVar(&f.yes, "yes", false, "ask nothing; DEVICE has to be named")
		c.flags.BoolVar(&f.force, "force", false, "write also what does not look like an image of a disk")
		c.flags.BoolVar(&f.test, "test", false, "change nothing: compare, and print what would be written")
		asJSON := c.flags.Bool("json", false, "print the list as JSON")
		return func(args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			switch {
			case f.serial != "":
				f.path = args[0]
				return f.bySerial()
			case f.ssh != "":
				f.path = args[0]
				return f.bySSH()
			case f.tftp:
				f.path = args[0]
				return f.byTFTP()
			case len(args) > 2:
				return usagef("want an IMAGE and a DEVICE, got %d arguments", len(args))
			case *asJSON && len(args) > 0:
				return usagef("--json is for the list, which there is without IMAGE")
			case f.yes && len(args) < 2:
				return usagef("--yes does not choose: name the DEVICE")
			}
			host, err := hostdisk.Read()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return f.list(host, *asJSON)
			}
			f.path = args[0]
			if len(args) == 2 {
				f.device = args[1]
			}
			return f.run(host)
		}
	},
}

// flashing is one image on its way to a device.
type flashing struct {
	*call
	farFlags
	fixed, unmount, yes, force, test bool

	path   string // of the image
	device string // as the user names it; "": not yet
	image  flash.Image
}

func (f *flashing) run(host flash.Host) error {
	if f.device != "" { // what is wrong with that is told before an image of gigabytes is read
		_, err := f.find(host)
		var mounted *flash.Mounted
		if err != nil && !errors.As(err, &mounted) {
			return err
		}
	}
	if err := f.survey(); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := f.image.Kind.Check(f.force); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	fmt.Fprintf(f.stdout, "%s: %v, %s\n", f.path, f.image.Kind, flash.Size(f.image.Size))
	if f.device == "" {
		if err := f.choose(host); err != nil {
			return err
		}
	}
	disk, err := f.find(host)
	var mounted *flash.Mounted
	if errors.As(err, &mounted) {
		disk, err = f.free(mounted)
	}
	if err != nil {
		return err
	}
	if !hostdisk.MayWrite(disk.Path) {
		return fmt.Errorf("you may not write to %s; as root:\n  %s", disk.Path, f.command(disk.Path))
	}
	if err := f.consent(disk); err != nil {
		return err
	}
	return f.write(disk)
}

// find is the device that is meant, if it may be written.
func (f *flashing) find(host flash.Host) (flash.Device, error) {
	name, err := hostdisk.Resolve(f.device, host)
	if err != nil {
		return flash.Device{}, err
	}
	disk, _ := host.Find(name)
	return disk, host.Refuse(name, flash.Wish{Image: f.image, Fixed: f.fixed, Force: f.force})
}

// open opens the image, unpacked.
func (f *flashing) open() (io.ReadCloser, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
		file.Close()
		if info.IsDir() {
			return nil, errors.New("is a folder, not an image")
		}
		return nil, errors.New("is no file, and has to be read twice")
	}
	plain, _, err := packing.Open(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, closers{plain, file}}, nil
}

type closers []io.Closer

func (all closers) Close() (err error) {
	for _, c := range all {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (f *flashing) survey() error {
	r, err := f.open()
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return path.Err // the path is told
		}
		return err
	}
	defer r.Close()
	show, done := f.progress()
	defer done()
	f.image, err = flash.Survey(f.ctx, r, func(read int64) { show(flash.Reading, read, 0) })
	return err
}

// progress shows stages on the terminal, elsewhere a line now and then.
func (f *flashing) progress() (show func(stage flash.Stage, done, total int64), end func()) {
	step, end := images.TerminalProgress(f.stderr)
	meter := flash.Meter{Every: 10 * time.Second}
	if file, ok := f.stderr.(*os.File); ok && tty.Is(file) {
		meter.Every = 200 * time.Millisecond
	}
	return func(stage flash.Stage, done, total int64) {
		if line := meter.Line(time.Now(), stage, done, total); line != "" {
			step.Step("%s", line)
		}
	}, end
}

// free unmounts what is mounted, if that is wanted.
func (f *flashing) free(m *flash.Mounted) (disk flash.Device, err error) {
	if !f.unmount {
		if f.yes || f.test || !f.asks() {
			return disk, m
		}
		for _, u := range m.Uses {
			fmt.Fprintln(f.stdout, u)
		}
		if yes, err := f.ask("Unmount it? [y/N] "); err != nil || yes != "y" {
			return disk, cmp.Or(err, error(m))
		}
	}
	for _, point := range m.Points() {
		if err := hostdisk.Unmount(point); err != nil {
			return disk, err
		}
		fmt.Fprintf(f.stdout, "unmounted %s\n", point)
	}
	host, err := hostdisk.Read()
	if err != nil {
		return disk, err
	}
	return f.find(host)
}

// consent asks whether all that is on a disk may go.
func (f *flashing) consent(disk flash.Device) error {
	if f.test {
		return nil
	}
	return f.agreed(fmt.Sprintf("Everything on %s will be lost. Write?", describe(disk)))
}

func (f *flashing) write(device flash.Device) error {
	disk, err := hostdisk.Open(f.ctx, device)
	if err != nil {
		return err
	}
	defer disk.Close()
	show, end := f.progress()
	defer end()
	began := time.Now()
	w := flash.Work{Disk: disk, Image: f.image, Open: f.open, Progress: show}
	plan, err := w.Plan(f.ctx)
	if err != nil {
		return fmt.Errorf("%s: %w; nothing was written", device.Path, err)
	}
	if f.test {
		end()
		fmt.Fprintf(f.stdout, "%s holds %s of it already; %s would be written, %s become zeros\n%v",
			device.Path, flash.Size(plan.Keep), flash.Size(plan.Send), flash.Size(plan.Blank), plan)
		return nil
	}
	err = w.Do(f.ctx, plan)
	end()
	if err != nil && w.Begun {
		fmt.Fprintf(f.stderr, "%s is not complete, and nothing starts from it.%s\n", device.Path, next(err))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", device.Path, err)
	}
	pull := ""
	if device.PulledOut() {
		pull = " It may be pulled out now."
	}
	if plan.Done() {
		fmt.Fprintf(f.stdout, "%s holds the image already, nothing was written.%s\n", describe(device), pull)
		return nil
	}
	took := time.Since(began)
	fmt.Fprintf(f.stdout, "%s holds the image, all of it read back and compared: %s written, %s made zeros, %s were there; %v, %s/s.%s\n", describe(device),
		flash.Size(plan.Send), flash.Size(plan.Blank), flash.Size(plan.Keep), took.Round(time.Second/10), flash.Size(int64(float64(f.image.Size)/took.Seconds())), pull)
	return nil
}

// next says what to do after an error, if trying again may help.
func next(err error) string {
	var smaller *flash.Smaller
	if errors.As(err, &smaller) || errors.Is(err, flash.ErrProtected) {
		return ""
	}
	return " The same command goes on where it has stopped."
}

// command is this one, for root.
func (f *flashing) command(device string) string {
	words := []string{"sudo", "bantam", "flash"}
	if self, err := os.Executable(); err == nil {
		words[1] = self
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{f.fixed, "--fixed"}, {f.unmount, "--unmount"}, {f.yes, "--yes"}, {f.force, "--force"}, {f.test, "--test"}} {
		if flag.set {
			words = append(words, flag.name)
		}
	}
	path, err := filepath.Abs(f.path)
	if err != nil {
		path = f.path
	}
	for _, word := range []string{path, device} {
		if quoted, err := syntax.Quote(word, syntax.LangPOSIX); err == nil {
			word = quoted
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
