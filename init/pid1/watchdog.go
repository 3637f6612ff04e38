package pid1

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WatchdogTimeout is how long the machine may hang before it is reset.
const WatchdogTimeout = 60 * time.Second

// IsWatchdogModule chooses, for kmod's first coldplug, the drivers of watchdogs and
// of the chips that an Intel watchdog hides behind.
func IsWatchdogModule(name, file string) bool {
	return strings.HasPrefix(file, "kernel/drivers/watchdog/") || name == "lpc_ich" || name == "i2c_i801"
}

// Watchdog is an armed hardware watchdog. At shutdown it stays armed, so that a
// machine that hangs then is reset too; only one that is to stand still disarms
// it. A nil Watchdog is a machine without one and all methods accept it.
type Watchdog struct {
	f       *os.File
	name    string
	timeout time.Duration
	boot    uint32 // WDIOC_GETBOOTSTATUS: what the hardware says of the last reset
}

// OpenWatchdog arms the watchdog at path, e.g. /dev/watchdog, which opening
// does. A machine without one gives nil and an error for the status line.
func OpenWatchdog(path string, timeout time.Duration) (*Watchdog, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("watchdog: open %s: %w", path, err)
	}
	return AdoptWatchdog(fd, timeout), nil
}

// AdoptWatchdog takes over a descriptor that was opened before, by the PID 1
// that executed this one.
func AdoptWatchdog(fd int, timeout time.Duration) *Watchdog {
	unix.CloseOnExec(fd)
	w := &Watchdog{f: os.NewFile(uintptr(fd), "watchdog"), timeout: timeout}
	var info struct {
		options, firmware uint32
		identity          [32]byte
	}
	if w.ioctl(unix.WDIOC_GETSUPPORT, unsafe.Pointer(&info)) == nil {
		w.name = unix.ByteSliceToString(info.identity[:])
	}
	// The driver rounds or refuses; what it says afterwards counts.
	seconds := int32(timeout / time.Second)
	if w.ioctl(unix.WDIOC_SETTIMEOUT, unsafe.Pointer(&seconds)) == nil ||
		w.ioctl(unix.WDIOC_GETTIMEOUT, unsafe.Pointer(&seconds)) == nil {
		w.timeout = time.Duration(seconds) * time.Second
	}
	w.boot = w.bootStatus()
	w.Kick()
	return w
}

func (w *Watchdog) bootStatus() uint32 {
	var status uint32
	if w.ioctl(unix.WDIOC_GETBOOTSTATUS, unsafe.Pointer(&status)) != nil {
		return 0
	}
	return status
}

// resetCause says why the hardware reset the machine before this boot, as far as
// it knows; "" if it did not.
func (w *Watchdog) resetCause() string { return resetCause(w.boot) }

// resetCause reads the flags of linux/watchdog.h.
func resetCause(status uint32) string {
	var causes []string
	for _, c := range []struct {
		flag uint32
		what string
	}{
		{unix.WDIOF_CARDRESET, "it hung, and the watchdog reset it"},
		{unix.WDIOF_OVERHEAT, "it was too hot"},
		{unix.WDIOF_FANFAULT, "a fan had failed"},
		{unix.WDIOF_POWERUNDER, "its voltage was too low"},
		{unix.WDIOF_POWEROVER, "its voltage was too high"},
		{unix.WDIOF_EXTERN1 | unix.WDIOF_EXTERN2, "something outside reset it"},
	} {
		if status&c.flag != 0 {
			causes = append(causes, c.what)
		}
	}
	return strings.Join(causes, ", ")
}

// Kick starts the watchdog's time anew. Only a loop whose turning proves that
// the machine works may call it.
func (w *Watchdog) Kick() {
	if w == nil {
		return
	}
	_, _ = w.f.Write([]byte{0}) // any byte but V, which would allow to disarm it
}

// Disarm lets the machine stand still. Some hardware cannot be stopped any more
// (nowayout) and resets it nevertheless.
func (w *Watchdog) Disarm() {
	if w == nil {
		return
	}
	_, _ = w.f.Write([]byte{'V'}) // or else closing leaves it running
	_ = w.f.Close()
}

// Interval is how often to kick: there is time for two kicks to come late.
func (w *Watchdog) Interval() time.Duration {
	if w == nil {
		return WatchdogTimeout / 4
	}
	return max(w.timeout/4, time.Second)
}

// FD is the descriptor to hand through exec; -1 without a watchdog.
func (w *Watchdog) FD() int {
	if w == nil {
		return -1
	}
	return int(w.f.Fd())
}

// String is the status line.
func (w *Watchdog) String() string {
	if w == nil {
		return "none"
	}
	name := w.name
	if name == "" {
		name = "unnamed"
	}
	return fmt.Sprintf("%s, %v", name, w.timeout)
}

func (w *Watchdog) ioctl(request uint, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, w.f.Fd(), uintptr(request), uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
