package pid1

import (
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Consoles names the terminals under /dev that get a shell: those the kernel
// writes its messages to, and if no serial line is among them the first that
// exists, for whoever has nothing but a serial cable.
func Consoles() []string {
	active, _ := os.ReadFile("/sys/class/tty/console/active")
	return consoles(strings.Fields(string(active)), realTerminal)
}

// serialPorts are tried in this order when no serial line is a console: PC and
// most boards, virtio, Arm's PL011, i.MX, Amlogic, Exynos, SiFive, Tegra.
var serialPorts = []string{"ttyS0", "hvc0", "ttyAMA0", "ttymxc0", "ttyAML0", "ttySAC0", "ttySIF0", "ttyTHS0"}

func consoles(active []string, real func(string) bool) (list []string) {
	serial := false
	for _, name := range active {
		if name == "tty0" {
			name = "tty1" // tty0 is whichever virtual console is in front
		}
		if !real(name) {
			continue
		}
		list = append(list, name)
		serial = serial || !virtual(name)
	}
	if serial {
		return list
	}
	for _, name := range serialPorts {
		if real(name) {
			return append(list, name)
		}
	}
	return list
}

// virtual says whether a terminal is one of the graphics card: tty1.
func virtual(name string) bool {
	digits, ok := strings.CutPrefix(name, "tty")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// realTerminal opens the terminal to see whether something is behind it. A PC
// kernel has nodes for four ports of the 8250 kind whether or not they exist.
func realTerminal(name string) bool {
	fd, err := unix.Open("/dev/"+name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if !strings.HasPrefix(name, "ttyS") || virtual(name) {
		return true
	}
	var serial [32]int32 // struct serial_struct of linux/serial.h, which begins with int type
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGSERIAL, uintptr(unsafe.Pointer(&serial))); errno != 0 {
		return true // not of the 8250 kind, but it opened
	}
	const unknown = 0
	return serial[0] != unknown
}
