// Command guest is PID 1 of the machine test: it loads the modules that stand for flash chips and waits for lines, of which each is answered:
// "flash NAME SIZE" brings a firmware of that name to the chip, "plan NAME SIZE" only says what would be done, "starts" says what a boot
// loader finds in the volume, "back" goes to the firmware of before, "sweep FROM TO KIND" cuts the power of UBI behind each of so many of its
// writes, and "off" switches off.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"bantam/firmware"
	"bantam/flashmap"
	"bantam/init/flashing"
	"bantam/init/mtd"
	"bantam/init/rawflash"

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
		from, _ := strconv.Atoi(words[1])
		to, _ := strconv.Atoi(words[2])
		return sweep(from, to, words[3])
	case "bad":
		d, err := device()
		if err != nil {
			return err
		}
		u, _ := mtd.Attached(d)
		s, err := u.State()
		say("state %+v", s)
		return err
	case "off":
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	return errors.New("unknown")
}

// made is a firmware with a trailer.
func made(name string, size int) []byte {
	data := make([]byte, size)
	random := rand.New(rand.NewPCG(uint64(name[0]), 1))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	var b bytes.Buffer
	w := firmware.NewTrailerWriter(&b)
	u := firmware.UImage{OS: "linux", Arch: "x86_64", Type: "kernel", Compression: "none", Name: name}
	if err := u.Write(w, bytes.NewReader(data)); err != nil {
		panic(err)
	}
	m, err := firmware.Metadata{Devices: []string{"test"}, Compat: "1.0"}.Encode()
	if err == nil {
		err = w.Trailer(firmware.Info, m)
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

var machine = rawflash.Machine{
	Arch: "amd64", Memory: func() int64 { return 100 << 20 }, Steady: rawflash.Steady,
	Wipe:   func() error { return nil },
	Reboot: func() error { return nil },
}

func flash(name string, size int, test bool) error {
	ctx := context.Background()
	f, err := flashing.Look(bytes.NewReader(made(name, size)))
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
	plan, err := target.Plan(ctx, f, flashing.Order{})
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
	d, err := device()
	if err != nil {
		return "", err
	}
	u, err := mtd.Attach(d)
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

// sweep has UBI's own emulation cut the power behind so many writes of a kind of header, detaches and attaches, as a reboot does, and looks
// what is there: the old firmware or the new one, whole.
func sweep(from, to int, kind string) error {
	const size = 300_000
	if err := flash("old", size, true); err != nil {
		return err
	}
	cuts := 0
	for at := from; at <= to; at++ {
		if err := flash("old", size, false); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		d, err := device()
		if err != nil {
			return err
		}
		u, err := mtd.Attach(d)
		if err != nil {
			return err
		}
		dir := fmt.Sprintf("/sys/kernel/debug/ubi/ubi%d/tst_emulate_power_cut", u.Number)
		for _, file := range [][2]string{{dir + "_min", strconv.Itoa(at)}, {dir + "_max", strconv.Itoa(at)}, {dir, kind}} {
			if err := os.WriteFile(file[0], []byte(file[1]), 0); err != nil {
				return err
			}
		}
		failed := flash("new", size, false)
		os.WriteFile(dir, []byte("0"), 0)
		if err := u.Detach(); err != nil {
			return err
		}
		name, err := inVolume()
		if err != nil || name != "old" && name != "new" || failed == nil && name != "new" {
			return fmt.Errorf("cut %d of kind %s (%v): %q starts, %v", at, kind, failed, name, err)
		}
		if failed != nil {
			cuts++
		}
	}
	say("swept %d cuts of kind %s", cuts, kind)
	return nil
}
