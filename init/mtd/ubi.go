package mtd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"bantam/order"

	"golang.org/x/sys/unix"
)

// A UBI is an MTD that is attached to UBI.
type UBI struct {
	Number int // 0 of /dev/ubi0
	sys    string
}

// A Volume is one of a UBI.
type Volume struct {
	ID      int
	Name    string
	Static  bool
	Blocks  int64 // erase blocks that are kept for it
	Data    int64 // bytes: of a static one those that were written, else all it has
	Corrupt bool  // an update was broken off
}

// UBIState is what the kernel says of one.
type UBIState struct {
	Block    int64 // bytes of a volume in an erase block
	Free     int64 // erase blocks that are no volume's
	Total    int64 // erase blocks that are not bad
	Bad      int64
	Reserved int64 // for blocks that go bad from now on
	ReadOnly bool  // the kernel writes no more: it has no block left to take the place of a bad one
}

const (
	ubiSys     = "/sys/class/ubi"
	ubiControl = "/dev/ubi_ctrl"
	nodeLimit  = 3 * time.Second // devtmpfs makes nodes in a thread of its own
)

// Attached finds the UBI of a device.
func Attached(d Device) (UBI, bool) { return attached(ubiSys, d) }

func attached(sys string, d Device) (UBI, bool) {
	found, _ := filepath.Glob(sys + "/ubi*")
	for _, dir := range found {
		number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), "ubi"))
		if err != nil {
			continue // ubi0_1, a volume
		}
		a := attributes{dir: dir}
		if of := a.number("mtd_num"); a.err == nil && of == int64(d.Number) {
			return UBI{number, sys}, true
		}
	}
	return UBI{}, false
}

// The argument of UBI_IOCATT, struct ubi_attach_req.
type attachRequest struct {
	number    int32
	mtd       int32
	vidOffset int32
	perMille  int16 // blocks of 1024 that may go bad; 0: the kernel's default, 20
	noFastmap int8
	_         [9]int8
}

// Attach has the kernel read all of a device and offer its volumes. A device on which nothing but ones is becomes an empty UBI.
func Attach(d Device) (UBI, error) {
	if u, ok := Attached(d); ok {
		return u, nil
	}
	f, err := os.OpenFile(ubiControl, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return UBI{}, fmt.Errorf("the kernel has no UBI: %w", err)
	}
	defer f.Close()
	request := attachRequest{number: -1, mtd: int32(d.Number)}
	if err := ioctl(f, unix.UBI_IOCATT, unsafe.Pointer(&request)); err != nil {
		return UBI{}, fmt.Errorf("%s (%s): attach it to UBI: %w", d.Path(), d.Name, err)
	}
	u := UBI{int(request.number), ubiSys}
	return u, waitForNode(u.path())
}

// Detach ends it. A volume that is in use is an error.
func (u UBI) Detach() error {
	f, err := os.OpenFile(ubiControl, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	number := int32(u.Number)
	if err := ioctl(f, unix.UBI_IOCDET, unsafe.Pointer(&number)); err != nil {
		return fmt.Errorf("%s: detach it: %w", u.path(), err)
	}
	return nil
}

func waitForNode(path string) error {
	for end := time.Now().Add(nodeLimit); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(path)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (u UBI) path() string { return fmt.Sprintf("/dev/ubi%d", u.Number) }

// VolumePath is the file of a volume, by which it is mounted, too.
func (u UBI) VolumePath(v Volume) string { return fmt.Sprintf("/dev/ubi%d_%d", u.Number, v.ID) }

// State asks the kernel.
func (u UBI) State() (UBIState, error) {
	a := attributes{dir: filepath.Join(u.sys, "ubi"+strconv.Itoa(u.Number))}
	s := UBIState{
		Block: a.number("eraseblock_size"), Free: a.number("avail_eraseblocks"), Total: a.number("total_eraseblocks"),
		Bad: a.number("bad_peb_count"), Reserved: a.number("reserved_for_bad"),
	}
	if text, err := os.ReadFile(filepath.Join(a.dir, "ro_mode")); err == nil { // since Linux 5.x
		s.ReadOnly = strings.TrimSpace(string(text)) == "1"
	}
	return s, a.err
}

// Volumes lists them by number.
func (u UBI) Volumes() (list []Volume, err error) {
	prefix := fmt.Sprintf("ubi%d_", u.Number)
	found, err := filepath.Glob(filepath.Join(u.sys, prefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, dir := range found {
		id, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), prefix))
		if err != nil {
			continue
		}
		a := attributes{dir: dir}
		v := Volume{ID: id, Name: a.text("name"), Static: a.text("type") == "static", Blocks: a.number("reserved_ebs"), Data: a.number("data_bytes")}
		v.Corrupt = a.number("corrupted") != 0 || a.number("upd_marker") != 0
		if a.err != nil {
			return nil, a.err
		}
		list = append(list, v)
	}
	order.By(list, func(a, b Volume) int { return a.ID - b.ID })
	return list, nil
}

// Find is a volume by its name.
func (u UBI) Find(name string) (Volume, bool, error) {
	list, err := u.Volumes()
	if i := slices.IndexFunc(list, func(v Volume) bool { return v.Name == name }); i >= 0 {
		return list[i], true, err
	}
	return Volume{}, false, err
}

// with opens the UBI and calls an ioctl of it.
func (u UBI) with(request uint, argument unsafe.Pointer) error {
	f, err := os.OpenFile(u.path(), os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return ioctl(f, request, argument)
}

const nameMax = 127

// The argument of UBI_IOCMKVOL, struct ubi_mkvol_req.
type makeRequest struct {
	id        int32
	alignment int32
	bytes     [8]byte // a number at a place of four: the kernel's is packed
	kind      int8
	flags     uint8
	nameLen   int16
	_         [4]int8
	name      [nameMax + 1]byte
}

const (
	dynamicVolume = 3
	staticVolume  = 4
)

// Make makes a volume: a static one is written as a whole by Update, and checked as such.
func (u UBI) Make(name string, bytes int64, static bool) error {
	if name == "" || len(name) > nameMax {
		return fmt.Errorf("%s: %q is no name of a volume", u.path(), name)
	}
	request := makeRequest{id: -1, alignment: 1, kind: dynamicVolume, nameLen: int16(len(name))}
	if static {
		request.kind = staticVolume
	}
	*(*int64)(unsafe.Pointer(&request.bytes)) = bytes
	copy(request.name[:], name)
	if err := u.with(unix.UBI_IOCMKVOL, unsafe.Pointer(&request)); err != nil {
		return fmt.Errorf("%s: make volume %s of %d bytes: %w", u.path(), name, bytes, err)
	}
	return waitForNode(u.VolumePath(Volume{ID: int(request.id)}))
}

// Remove removes a volume. One that is in use is an error.
func (u UBI) Remove(v Volume) error {
	id := int32(v.ID)
	if err := u.with(unix.UBI_IOCRMVOL, unsafe.Pointer(&id)); err != nil {
		return fmt.Errorf("%s: remove volume %s: %w", u.path(), v.Name, err)
	}
	return nil
}

// A Renaming gives a volume another name.
type Renaming struct {
	Volume Volume
	Name   string
}

const renamingsMax = 32

// The argument of UBI_IOCRNVOL, struct ubi_rnvol_req.
type renameRequest struct {
	count int32
	_     [12]int8
	each  [renamingsMax]struct {
		id      int32
		nameLen int16
		_       [2]int8
		name    [nameMax + 1]byte
	}
}

// RenameVolumes renames them at once: after a power cut either all have their new names or none has. A volume that has one of the new names and gets
// none itself is removed by the kernel.
func (u UBI) RenameVolumes(list ...Renaming) error {
	if len(list) > renamingsMax {
		return fmt.Errorf("%s: rename %d volumes at once: at most %d", u.path(), len(list), renamingsMax)
	}
	request := renameRequest{count: int32(len(list))}
	for i, r := range list {
		if r.Name == "" || len(r.Name) > nameMax {
			return fmt.Errorf("%s: %q is no name of a volume", u.path(), r.Name)
		}
		request.each[i].id, request.each[i].nameLen = int32(r.Volume.ID), int16(len(r.Name))
		copy(request.each[i].name[:], r.Name)
	}
	if err := u.with(unix.UBI_IOCRNVOL, unsafe.Pointer(&request)); err != nil {
		return fmt.Errorf("%s: rename volumes: %w", u.path(), err)
	}
	return nil
}

// Update replaces what is in a volume, all of it. Until it has returned the volume is corrupt, for boot loaders and for the kernel.
func (u UBI) Update(v Volume, size int64, data io.Reader) error {
	path := u.VolumePath(v)
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ioctl(f, unix.UBI_IOCVOLUP, unsafe.Pointer(&size)); err != nil {
		return fmt.Errorf("%s: begin to update volume %s with %d bytes: %w", path, v.Name, size, err)
	}
	n, err := io.Copy(struct{ io.Writer }{f}, data)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes of %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return fmt.Errorf("%s: update volume %s: %w", path, v.Name, err)
	}
	return nil
}

// Read opens what is in a volume.
func (u UBI) Read(v Volume) (io.ReadCloser, error) {
	f, err := os.OpenFile(u.VolumePath(v), os.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EUCLEAN) || errors.Is(err, unix.EBADF) {
		err = fmt.Errorf("volume %s is damaged: %w", v.Name, err)
	}
	return f, err
}
