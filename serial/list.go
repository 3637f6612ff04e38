package serial

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Port is a serial line of this host.
type Port struct {
	Path   string `json:"path"`             // e.g. /dev/ttyUSB0
	Driver string `json:"driver"`           // e.g. ftdi_sio, serial8250
	Device string `json:"device,omitempty"` // as a USB converter calls itself, e.g. FTDI FT232R USB UART
	Serial string `json:"serial,omitempty"` // its serial number
}

// Ports are the lines that there is hardware for, USB converters first: a board is mostly connected by one.
func Ports() []Port { return portsBelow("/sys") }

func portsBelow(sys string) (list []Port) {
	entries, _ := os.ReadDir(filepath.Join(sys, "class/tty")) // none: no lines
	for _, e := range entries {
		dir := filepath.Join(sys, "class/tty", e.Name())
		device, err := filepath.EvalSymlinks(filepath.Join(dir, "device"))
		if err != nil {
			continue // a virtual one
		}
		if word(dir, "type") == "0" {
			continue // a driver's place for a UART that is not there
		}
		p := Port{Path: "/dev/" + e.Name(), Driver: driver(device)}
		for up := device; len(up) > len(sys); up = filepath.Dir(up) {
			if product := word(up, "product"); product != "" {
				p.Device = strings.TrimSpace(word(up, "manufacturer") + " " + product)
				p.Serial = word(up, "serial")
				break
			}
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Port) int {
		if usb := (b.Device != "") != (a.Device != ""); usb {
			return map[bool]int{true: -1, false: 1}[a.Device != ""]
		}
		return cmp.Or(len(a.Path)-len(b.Path), strings.Compare(a.Path, b.Path)) // ttyUSB2 before ttyUSB10
	})
	return list
}

// driver is that of a device, or of the one that it is a part of.
func driver(device string) string {
	for _, dir := range []string{device, filepath.Dir(device), filepath.Dir(filepath.Dir(device))} {
		if target, err := os.Readlink(filepath.Join(dir, "driver")); err == nil && filepath.Base(target) != "ctrl" && filepath.Base(target) != "port" {
			return filepath.Base(target)
		}
	}
	return ""
}

func word(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name)) // what is not there says nothing
	return strings.TrimSpace(string(text))
}
