package kmod

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/init/glob"
)

// NetworkTable is the file beside modules.alias in which an image names the kernel's network drivers that it does not
// carry. Its lines are those of modules.alias; a first line "# PACKAGE" says whose modules they are.
const NetworkTable = "modules.network"

// A Device is one that no driver serves.
type Device struct {
	Bus      string // e.g. "pci"
	Name     string // on its bus, e.g. "0000:00:04.0"
	Modalias string // e.g. "pci:v00008086d00001533sv00001849sd00001533bc02sc00i00"
	Network  bool   // its bus says that it is a network card; of USB, SDIO and others only a driver knows
}

// Unserved is a network card without a driver.
type Unserved struct {
	Device   string   `json:"device"`       // bus and name, e.g. "pci 0000:00:04.0"
	ID       string   `json:"id,omitempty"` // vendor and device in hex, e.g. "8086:1533"
	Modalias string   `json:"modalias"`
	Modules  []string `json:"modules,omitempty"`  // that would drive it and that the image lacks
	Package  string   `json:"package,omitempty"`  // that has them, e.g. "linux-image-6.1.0-40-amd64 6.1.153-1"
	InImage  []string `json:"in_image,omitempty"` // modules that are there for it and did not take it
}

// UnservedNetwork finds the network cards of this machine that have no driver.
func UnservedNetwork() ([]Unserved, error) {
	x, err := Open()
	if err != nil {
		return nil, err
	}
	table, err := os.ReadFile(filepath.Join(x.Dir, NetworkTable))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return unserved(driverless("/sys/bus"), string(table), x.Resolve), nil
}

// unserved chooses the network cards among devices without driver. The table is that of NetworkTable; inImage gives the
// modules of the image for an alias.
func unserved(devices []Device, table string, inImage func(alias string) []string) (cards []Unserved) {
	first, _, _ := strings.Cut(table, "\n")
	whose, _ := strings.CutPrefix(first, "# ")
	for _, d := range devices {
		card := Unserved{Device: d.Bus + " " + d.Name, ID: deviceID(d.Modalias), Modalias: d.Modalias}
		alias := underscored(d.Modalias)
		for line := range lines(table) {
			pattern, module, ok := strings.Cut(strings.TrimPrefix(line, "alias "), " ")
			if ok && !slices.Contains(card.Modules, module) && glob.Match(underscored(pattern), alias) {
				card.Modules, card.Package = append(card.Modules, module), whose
			}
		}
		if d.Network {
			card.InImage = inImage(d.Modalias)
		}
		if d.Network || len(card.Modules) > 0 {
			cards = append(cards, card)
		}
	}
	return cards
}

// deviceID is vendor and device out of a modalias, as lspci and lsusb write them; "" where there are none.
func deviceID(modalias string) string {
	var class, vendor, device uint32
	var n int
	switch bus, _, _ := strings.Cut(modalias, ":"); bus {
	case "pci":
		n, _ = fmt.Sscanf(modalias, "pci:v%8Xd%8X", &vendor, &device)
	case "usb":
		n, _ = fmt.Sscanf(modalias, "usb:v%4Xp%4X", &vendor, &device)
	case "virtio":
		n, _ = fmt.Sscanf(modalias, "virtio:d%8Xv%8X", &device, &vendor)
	case "sdio":
		n, _ = fmt.Sscanf(modalias, "sdio:c%2Xv%4Xd%4X", &class, &vendor, &device)
	}
	if n < 2 {
		return ""
	}
	return fmt.Sprintf("%04x:%04x", vendor, device)
}

// networkBuses are those on which network cards are found by their modalias; NetworkTable has drivers for these.
var networkBuses = []string{"pci", "usb", "sdio", "virtio", "vmbus", "platform"}

// driverless lists the devices that no driver serves, from a folder like /sys/bus.
func driverless(sysBus string) (devices []Device) {
	for _, bus := range networkBuses {
		dir := filepath.Join(sysBus, bus, "devices")
		entries, _ := os.ReadDir(dir) // a bus that the machine has not
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if unix.Access(path+"/driver", unix.F_OK) == nil {
				continue
			}
			d := Device{Bus: bus, Name: e.Name(), Modalias: strings.TrimSpace(read(path + "/modalias"))}
			// Base class 02 of PCI is network controllers; see pci_ids.h.
			d.Network = bus == "pci" && strings.HasPrefix(read(path+"/class"), "0x02") || bus == "virtio" && strings.HasPrefix(d.Modalias, "virtio:d00000001v")
			if d.Modalias != "" {
				devices = append(devices, d)
			}
		}
	}
	return devices
}

// Lines tell people about the card and what would drive it.
func (u Unserved) Lines() []string {
	head := "no driver: " + u.Device
	if u.ID != "" {
		head += ", " + u.ID
	}
	lines := []string{head, "  modalias  " + u.Modalias}
	switch {
	case len(u.InImage) > 0:
		lines = append(lines, "  "+strings.Join(u.InImage, ", ")+" of this image did not take it; `dmesg` may tell why")
	case len(u.Modules) == 0:
		lines = append(lines, "  this kernel has no module for it")
	default:
		of := ""
		if u.Package != "" {
			of = " of " + u.Package
		}
		lines = append(lines, "  module    "+strings.Join(u.Modules, " or ")+of,
			`  Add modules = ["`+u.Modules[0]+`"] to system.toml and build the image anew.`)
	}
	return lines
}

// String is a note of one line.
func (u Unserved) String() string {
	return "the network card " + strings.TrimSpace(u.Device+" "+u.ID) + " has no driver here; `bantam net` names it"
}
