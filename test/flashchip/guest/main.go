// Command guest is PID 1 of the machine test: it loads the modules that stand for flash chips and waits for lines, of which each is answered:
// "flash NAME SIZE" brings a firmware of that name to the chip, "plan NAME SIZE" only says what would be done, "starts" says what a boot
// loader finds in the volume, "back" goes to the firmware of before, "sweep KIND" cuts the power of UBI at each of its writes of a kind of header, "state" says what
// UBI has, "wear" makes one more erase block of it bad, "fill N" leaves N erase blocks that are no volume's, and
// "detach" ends UBI, which begins anew by what it finds on the chip.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"bantam/firmware"
	"bantam/flashmap"
	"bantam/init/flashing"
	"bantam/init/mtd"
	"bantam/init/rawflash"
	"bantam/test/flashchip/chiptest"

	"golang.org/x/sys/unix"
)

var console *os.File

func say(format string, args ...any) { fmt.Fprintf(console, "TEST "+format+"\n", args...) }

func main() {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"debugfs", "/sys/kernel/debug"}} {
		os.MkdirAll(m[1], 0o755)
		unix.Mount(m[0], m[1], m[0], 0, "")
	}
	var err error
	if console, err = os.OpenFile("/dev/console", os.O_RDWR, 0); err != nil {
		return
	}
	if err := loadModules(); err != nil {
		say("modules: %v", err)
	}
	say("ready")
	lines := bufio.NewScanner(console)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		answer := "ok"
		if words[0] == "starts" {
			name, err := inVolume()
			answer = fmt.Sprintf("%q, %v", name, err)
		} else if err := do(words); err != nil {
			answer = err.Error()
		}
		say("%s: %s", strings.Join(words, " "), answer)
	}
}

// loadModules loads those of the initrd in the order of their list, with the parameters that stand there.
func loadModules() error {
	list, err := os.ReadFile("/modules/order")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		name, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
		f, err := os.Open("/modules/" + name)
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), parameters, 0)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func do(words []string) error {
	switch words[0] {
	case "flash", "plan":
		size, _ := strconv.Atoi(words[2])
		return flash(words[1], size, words[0] == "plan")
	case "back":
		return rawflash.GoBack()
	case "sweep":
		return sweep(words[1])
	case "state":
		d, err := device()
		if err != nil {
			return err
		}
		u, _ := mtd.Attached(d)
		s, err := u.State()
		say("state %+v", s)
		return err
	case "wear":
		return wear()
	case "fill":
		left, _ := strconv.ParseInt(words[1], 10, 64)
		return fill(left)
	case "detach":
		u, err := attached()
		if err != nil {
			return err
		}
		return u.Detach()
	}
	return errors.New("unknown")
}

// made is a firmware with a trailer.
func made(name string, size int) []byte {
	file, err := chiptest.Firmware(name, size)
	if err != nil {
		panic(err)
	}
	return file
}

var machine = rawflash.Machine{
	Arch: "amd64", Memory: func() int64 { return 100 << 20 }, Steady: rawflash.Steady,
	Wipe:   func() error { return nil },
	Reboot: func() error { return nil },
}

func flash(name string, size int, test bool) error {
	ctx := context.Background()
	f, err := flashing.Look(bytes.NewReader(made(name, size)))
	if err == nil {
		err = flashing.Examine(ctx, &f)
	}
	if err != nil {
		return err
	}
	targets, err := rawflash.Targets(machine)
	if err != nil {
		return err
	}
	target, err := flashing.Choose(targets, f)
	if err != nil {
		return err
	}
	plan, err := target.Plan(ctx, f, flashing.Order{Leave: f.Foreign != ""})
	if err != nil {
		return err
	}
	if test {
		say("plan\n%s", plan)
		return nil
	}
	steps := 0
	return target.Write(ctx, f, plan, func(p flashing.Progress) {
		if p.Note != "" {
			say("note %s", p.Note)
		}
		if steps++; p.Total > 0 {
			say("step %d, %d%%", steps, p.Done*100/p.Total)
		}
	})
}

func device() (mtd.Device, error) {
	m, err := mtd.ReadMap()
	if err != nil {
		return mtd.Device{}, err
	}
	a, _ := m.Find(flashmap.Volumes)
	return mtd.DeviceOf(m, a)
}

// inVolume is the name of what lies in the volume of the firmware.
func inVolume() (string, error) {
	u, err := attached()
	if err != nil {
		return "", err
	}
	v, there, err := u.Find("fit")
	if err != nil || !there {
		return "", err
	}
	f, err := u.Read(v)
	if err != nil {
		return "", err
	}
	defer f.Close()
	all, err := io.ReadAll(io.LimitReader(f, v.Data))
	if err != nil {
		return "", err
	}
	image, err := firmware.ReadUImage(bytes.NewReader(all))
	if err != nil {
		return "", err
	}
	return image.Name, image.Verify(bytes.NewReader(all))
}

// attached is the UBI of the chip.
func attached() (mtd.UBI, error) {
	d, err := device()
	if err != nil {
		return mtd.UBI{}, err
	}
	return mtd.Attach(d)
}

// sweep has UBI's own emulation cut the power at the first, second, ... write of a kind of header, until a flash ends before. After each cut it
// detaches and attaches, as a reboot does, and looks what is there: the old firmware or the new one, whole.
func sweep(kind string) error {
	const size = 300_000
	cuts := map[string]int{}
	for at := 1; ; at++ {
		if err := flash("old", size, false); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		u, err := attached()
		if err != nil {
			return err
		}
		// Erasures wait until a change of the volumes wants them done, so that their order is always the same.
		debug := fmt.Sprintf("/sys/kernel/debug/ubi/ubi%d/tst_", u.Number)
		for _, set := range [][2]string{{"disable_bgt", "1"}, {"emulate_power_cut_min", strconv.Itoa(at)}, {"emulate_power_cut_max", strconv.Itoa(at)}, {"emulate_power_cut", kind}} {
			if err := os.WriteFile(debug+set[0], []byte(set[1]), 0); err != nil {
				return err
			}
		}
		failed := flash("new", size, false)
		s, err := u.State()
		if err != nil {
			return err
		}
		if err := u.Detach(); err != nil {
			return err
		}
		name, err := inVolume()
		switch {
		case err != nil || name != "old" && name != "new" || failed == nil && name != "new":
			return fmt.Errorf("cut %d of kind %s (%v): %q starts, %v", at, kind, failed, name, err)
		case failed == nil && !s.ReadOnly:
			say("swept %d cuts that leave the old one, %d the new one", cuts["old"], cuts["new"])
			return nil
		case !s.ReadOnly:
			return fmt.Errorf("cut %d of kind %s: UBI writes on: %w", at, kind, failed)
		}
		cuts[name]++
	}
}

// wear marks the last erase block that nothing lies in as bad, as UBI does with one that fails.
func wear() error {
	u, err := attached()
	if err == nil {
		err = u.Detach()
	}
	d, fault := device()
	if err = errors.Join(err, fault); err != nil {
		return err
	}
	chip, err := mtd.Open(d, 0, d.Size)
	if err != nil {
		return err
	}
	defer chip.Close()
	page := make([]byte, d.WriteSize)
	for at := d.Size - d.EraseBlock; at >= 0; at -= d.EraseBlock {
		bad, err := chip.Bad(at)
		if err == nil && !bad {
			_, err = chip.ReadAt(page, at+d.WriteSize) // behind the first header, which all have
		}
		if err != nil {
			return err
		}
		if bad || bytes.Count(page, []byte{0xFF}) < len(page) {
			continue
		}
		f, err := os.OpenFile(d.Path(), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.MEMSETBADBLOCK, uintptr(unsafe.Pointer(&at))); errno != 0 {
			return errno
		}
		return nil
	}
	return errors.New("no erase block is empty")
}

// fill makes a volume that leaves so many erase blocks to others, as a state volume does.
func fill(left int64) error {
	u, err := attached()
	if err != nil {
		return err
	}
	s, err := u.State()
	if err != nil {
		return err
	}
	return u.Make("state", (s.Free-left)*s.Block, false)
}
