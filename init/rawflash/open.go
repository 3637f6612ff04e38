package rawflash

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"bantam/flashmap"
	"bantam/init/flashing"
	"bantam/init/mtd"

	"golang.org/x/sys/unix"
)

// errBusy says that another process writes.
var errBusy = errors.New("another flash is under way")

// Targets are the places on this machine's flash chip that its image tells of: none if it has no chip.
func Targets(m Machine) ([]flashing.Target, error) {
	chip, err := mtd.ReadMap()
	if errors.Is(err, mtd.ErrNoChip) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if a, ok := chip.Find(flashmap.Firmware); ok {
		return []flashing.Target{&NOR{chip, m, func() (OpenChip, error) { return openChip(chip, a) }}}, nil
	}
	return []flashing.Target{&UBI{chip, m, func() (Volumes, func(), error) { return openVolumes(chip) }}}, nil
}

// lockedChip keeps others away while it is open.
type lockedChip struct {
	*mtd.Chip
	unlock func()
}

func (c lockedChip) Close() error {
	defer c.unlock()
	return c.Chip.Close()
}

func openChip(m flashmap.Map, a flashmap.Area) (OpenChip, error) {
	devices, err := mtd.Devices()
	if err != nil {
		return nil, err
	}
	d, offset, err := mtd.Locate(m, a, devices)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(d.Path())
	if err != nil {
		return nil, err
	}
	chip, err := mtd.Open(d, offset, a.Size)
	if err != nil {
		unlock()
		return nil, err
	}
	return lockedChip{chip, unlock}, nil
}

func openVolumes(m flashmap.Map) (Volumes, func(), error) {
	a, _ := m.Find(flashmap.Volumes)
	d, err := mtd.DeviceOf(m, a)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := lock(d.Path())
	if err != nil {
		return nil, nil, err
	}
	u, err := mtd.Attach(d)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return u, unlock, nil
}

// lock has a device for this process alone, among those that ask so. It ends with the process, however that ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, errBusy
		}
		return nil, fmt.Errorf("%s: lock it: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// GoBack has the firmware before the last one in its place again.
func GoBack() error {
	m, err := mtd.ReadMap()
	if err != nil {
		return err
	}
	if _, ok := m.Find(flashmap.Volumes); !ok {
		return errors.New("NOR flash has room for one firmware: there is no earlier one to go back to")
	}
	volumes, done, err := openVolumes(m)
	if err != nil {
		return err
	}
	defer done()
	return Back(volumes)
}

// Steady has nothing end this process: no signal that may be ignored, no lost terminal, no end of the session whose processes are killed with
// it, and no lack of memory. While NOR is written, its end would be the machine's. The function ends that.
func Steady() func() {
	ends := []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTOU}
	// Of these two what fails leaves the process where it was, with less protection: that is no reason against a flash.
	_ = os.WriteFile("/sys/fs/cgroup/cgroup.procs", []byte(strconv.Itoa(os.Getpid())), 0)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
	signal.Ignore(ends...)
	return func() { signal.Reset(ends...) }
}
