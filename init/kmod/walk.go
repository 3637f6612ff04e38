package kmod

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Modaliases gives the modalias of every device below sys, /sys on a machine, each once and in the order of
// discovery. Whatever asks for a driver sits on a bus, but for input devices and the table of the firmware's
// names, which are of a class; so that it need not go through all of /sys/devices, whose folders are
// mostly no devices. Devices come and go meanwhile; what cannot be read is left out.
func Modaliases(sys string) []string {
	l := lister{seen: map[string]bool{}}
	for _, bus := range names(sys + "/bus") {
		devices := sys + "/bus/" + bus + "/devices"
		for _, device := range names(devices) {
			l.device(devices + "/" + device)
		}
	}
	for _, class := range names(sys + "/class") {
		for _, device := range names(sys + "/class/" + class) {
			l.add(read(sys + "/class/" + class + "/" + device + "/modalias"))
		}
	}
	return l.aliases
}

// names are those in a folder; in what order does not matter.
func names(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	list, _ := d.Readdirnames(-1)
	return list
}

type lister struct {
	seen    map[string]bool
	aliases []string
}

func (l *lister) device(path string) {
	if alias := read(path + "/modalias"); alias != "" {
		l.add(alias)
		return
	}
	for line := range strings.Lines(read(path + "/uevent")) { // a few buses, cpu and MDIO among them, have it only here
		if alias, ok := strings.CutPrefix(line, "MODALIAS="); ok {
			l.add(alias)
		}
	}
}

func (l *lister) add(alias string) {
	alias = strings.TrimSpace(alias)
	if alias != "" && !l.seen[alias] {
		l.seen[alias] = true
		l.aliases = append(l.aliases, alias)
	}
}

func read(path string) string {
	// Not os.ReadFile: its stat costs as much as the read.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var buffer [4096]byte // a sysfs attribute is at most a page
	n, err := unix.Read(fd, buffer[:])
	if err != nil || n < 0 {
		return ""
	}
	return string(buffer[:n])
}
