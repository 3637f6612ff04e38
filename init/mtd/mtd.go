// Package mtd speaks with the kernel about flash chips: MTD devices, and UBI volumes on them. It decides nothing.
//
// What there is stands in sysfs; what is done goes through ioctls (Linux: include/uapi/mtd/mtd-abi.h, ubi-user.h). UBI itself, the headers,
// the levelling of wear, the place of bad blocks, is the kernel's.
//
// Limits: devices with one size of erase blocks; no spare bytes of NAND, which UBI does not use.
package mtd

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/order"
)

// A Device is one MTD: a chip, or an area of one that the kernel knows.
type Device struct {
	Number     int    // 0 of /dev/mtd0
	Name       string // e.g. firmware, spi0.0
	Kind       string // the kernel's word: nor, nand, ram, ...
	Size       int64  // bytes
	EraseBlock int64
	WriteSize  int64 // 1 of NOR, a page of NAND
	Flags      int64 // unix.MTD_WRITEABLE and its kin
}

// Path is its file.
func (d Device) Path() string { return fmt.Sprintf("/dev/mtd%d", d.Number) }

// IsNAND tells a chip with pages, on which blocks may be bad.
func (d Device) IsNAND() bool { return strings.HasSuffix(d.Kind, "nand") }

// Clears tells whether what was written may be written again where bits only go from 1 to 0.
func (d Device) Clears() bool { return d.Flags&unix.MTD_BIT_WRITEABLE != 0 }

// Devices lists those there are, by number.
func Devices() ([]Device, error) { return devices("/sys/class/mtd") }

func devices(sys string) (list []Device, err error) {
	found, err := filepath.Glob(sys + "/mtd*")
	if err != nil {
		return nil, err
	}
	for _, dir := range found {
		number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), "mtd"))
		if err != nil {
			continue // mtd0ro, the same for reading alone
		}
		a := attributes{dir: dir}
		d := Device{number, a.text("name"), a.text("type"), a.number("size"), a.number("erasesize"), a.number("writesize"), a.number("flags")}
		if a.err != nil {
			return nil, a.err
		}
		if d.EraseBlock > 0 { // none of a ROM
			list = append(list, d)
		}
	}
	order.By(list, func(a, b Device) int { return a.Number - b.Number })
	return list, nil
}

// attributes reads small files of sysfs, and keeps the first error.
type attributes struct {
	dir string
	err error
}

func (a *attributes) text(name string) string {
	b, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil && a.err == nil {
		a.err = err
	}
	return strings.TrimSpace(string(b))
}

func (a *attributes) number(name string) int64 {
	text := a.text(name)
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("%s: %w", filepath.Join(a.dir, name), err)
	}
	return n
}

// AddArea tells the kernel of an area of a chip that it does not know. It is then a device of its own, until the machine stops.
func AddArea(chip Device, name string, offset, size int64) error {
	f, err := os.OpenFile(chip.Path(), os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	part := unix.BlkpgPartition{Start: offset, Length: size}
	copy(part.Devname[:len(part.Devname)-1], name)
	arg := unix.BlkpgIoctlArg{Op: unix.BLKPG_ADD_PARTITION, Datalen: int32(unsafe.Sizeof(part)), Data: (*byte)(unsafe.Pointer(&part))}
	err = ioctl(f, unix.BLKPG, unsafe.Pointer(&arg))
	runtime.KeepAlive(&part)
	if err != nil {
		return fmt.Errorf("%s: add area %s at %#x: %w", chip.Path(), name, offset, err)
	}
	return nil
}

// ioctl calls one whose argument is a pointer.
func ioctl(f *os.File, request uint, argument unsafe.Pointer) error {
	_, err := ioctlResult(f, request, argument)
	return err
}

func ioctlResult(f *os.File, request uint, argument unsafe.Pointer) (int, error) {
	for {
		result, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(request), uintptr(argument))
		switch errno {
		case 0:
			return int(result), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}
