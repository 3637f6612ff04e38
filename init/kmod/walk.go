package kmod

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Modaliases gives the modalias of every device below root, /sys/devices on a
// machine, each once and in the order of discovery. Devices come and go while
// it walks; what cannot be read is left out.
func Modaliases(root string) []string {
	w := walker{seen: map[string]bool{}}
	w.dir(root)
	return w.aliases
}

type walker struct {
	seen    map[string]bool
	aliases []string
}

func (w *walker) dir(path string) {
	d, err := os.Open(path)
	if err != nil {
		return
	}
	entries, _ := d.ReadDir(-1) // not os.ReadDir: the order does not matter
	d.Close()
	var modalias, uevent bool
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir():
			if !attributes[name] {
				w.dir(path + "/" + name)
			}
		case name == "modalias":
			modalias = true
		case name == "uevent":
			uevent = true
		}
	}
	switch {
	case modalias:
		w.add(strings.TrimSpace(read(path + "/modalias")))
	case uevent: // a few buses, MDIO among them, have it only here
		for line := range strings.Lines(read(path + "/uevent")) {
			if alias, ok := strings.CutPrefix(line, "MODALIAS="); ok {
				w.add(strings.TrimSpace(alias))
			}
		}
	}
}

func (w *walker) add(alias string) {
	if alias != "" && !w.seen[alias] {
		w.seen[alias] = true
		w.aliases = append(w.aliases, alias)
	}
}

// attributes are folders that every device or queue has and that hold no devices.
var attributes = map[string]bool{
	"power": true, "msi_irqs": true, "queues": true, "queue": true,
	"statistics": true, "mq": true, "integrity": true, "trace": true,
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
