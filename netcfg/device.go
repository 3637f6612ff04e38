package netcfg

import (
	"os"
	"path/filepath"
	"strings"
)

// device is what the kernel's file system tells of a port's hardware; it stays as long as the port does.
type device struct{ path, driver string }

// describe adds to a link where its hardware is plugged in and what drives it.
func (r *rtnetlink) describe(l *seenLink) {
	if !l.Hardware {
		return
	}
	d, known := r.devices[l.Index]
	if !known {
		d = readDevice("/sys/class/net/" + l.name)
		if r.devices == nil {
			r.devices = map[int]device{}
		}
		if d.driver != "" { // it is complete
			r.devices[l.Index] = d
		}
	}
	l.Path, l.Driver = d.path, d.driver
}

func readDevice(link string) (d device) {
	if path, err := os.Readlink(link); err == nil { // e.g. ../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0
		d.path = filepath.Dir(filepath.Dir(strings.TrimPrefix(path, "../../devices/")))
	}
	if driver, err := os.Readlink(link + "/device/driver"); err == nil {
		d.driver = filepath.Base(driver)
	}
	return d
}

// isAt tells whether the hardware has a place, e.g. 0000:00:03.0 or platform/1c30000.ethernet, on its path.
func (l Link) isAt(place string) bool {
	return place != "" && strings.Contains("/"+l.Path+"/", "/"+strings.Trim(place, "/")+"/")
}
