package mtd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"bantam/flashmap"
)

// Chips tells whether boards of this architecture may start from a flash chip: PCs do not, and do without the code for them,
// which the linker leaves out where this is asked first.
const Chips = runtime.GOARCH != "amd64"

// ErrNoChip says that the machine's image tells of no flash chip.
var ErrNoChip = errors.New("this board has no flash chip that its image tells of")

// ReadMap reads what the image says of the board's chip; ErrNoChip if that is nothing.
func ReadMap() (flashmap.Map, error) {
	text, err := os.ReadFile(flashmap.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return flashmap.Map{}, ErrNoChip
	}
	if err != nil {
		return flashmap.Map{}, err
	}
	return flashmap.Parse(text)
}

// Locate finds an area among the devices of the kernel: by its name, if the kernel knows it, or else on the chip, which is told by its size. Of
// what does not agree with the map nothing is written.
func Locate(m flashmap.Map, a flashmap.Area, devices []Device) (d Device, offset int64, err error) {
	var chips, seen []string
	for _, one := range devices {
		seen = append(seen, fmt.Sprintf("%s with %d bytes in erase blocks of %d", one.Name, one.Size, one.EraseBlock))
		if one.Name != a.Name {
			continue
		}
		if one.Size != a.Size || m.EraseBlock%one.EraseBlock != 0 {
			return d, 0, fmt.Errorf("area %s has %d bytes in erase blocks of %d, and the kernel's has %d in blocks of %d: nothing is written where the two do not agree",
				a.Name, a.Size, m.EraseBlock, one.Size, one.EraseBlock)
		}
		return one, 0, nil
	}
	for _, one := range devices {
		if one.Size == m.Size && m.EraseBlock%one.EraseBlock == 0 && one.IsNAND() == (m.Page > 0) {
			chips, d = append(chips, one.Name), one
		}
	}
	switch len(chips) {
	case 0:
		if len(seen) == 0 {
			seen = []string{"none"}
		}
		return d, 0, fmt.Errorf("the kernel shows no chip of %d bytes in erase blocks of %d, nor an area %s; it shows %s", m.Size, m.EraseBlock, a.Name, strings.Join(seen, ", "))
	case 1:
		return d, a.Offset, nil
	}
	return d, 0, fmt.Errorf("several chips may be the board's, and none has an area %s: %s", a.Name, strings.Join(chips, ", "))
}

// DeviceOf is an area as a device of its own, which UBI wants: the kernel is told of it where it does not know it.
func DeviceOf(m flashmap.Map, a flashmap.Area) (Device, error) {
	for range 2 {
		devices, err := Devices()
		if err != nil {
			return Device{}, err
		}
		d, offset, err := Locate(m, a, devices)
		if err != nil || offset == 0 && d.Size == a.Size {
			return d, err
		}
		if err := AddArea(d, a.Name, offset, a.Size); err != nil {
			return Device{}, err
		}
	}
	return Device{}, fmt.Errorf("the kernel does not show area %s, of which it was told", a.Name)
}
