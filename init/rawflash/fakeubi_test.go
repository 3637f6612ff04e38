package rawflash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"

	"bantam/init/mtd"
)

// fakeUBI is a UBI as the kernel promises it: its table of volumes changes at once, an update that is broken off leaves a corrupt volume.
type fakeUBI struct {
	t       *testing.T
	state   mtd.UBIState
	volumes []mtd.Volume
	data    map[int][]byte
	busy    map[string]bool // volumes that are in use, e.g. mounted
	ops     []string
	cut     int // the operation in which power goes; -1: never
	after   bool
	flips   string // a volume that reads back otherwise than it was written
	dies    int64  // erase blocks that go bad in an update; of more than are reserved the kernel writes no more
	erased  int64  // erase blocks that go bad when a volume is removed; of more than are reserved there is less room
}

func newUBI(t *testing.T, blocks int64, content map[string][]byte) *fakeUBI {
	u := &fakeUBI{t: t, state: mtd.UBIState{Block: 1000, Free: blocks, Total: blocks + 4, Reserved: 20}, data: make(map[int][]byte), busy: make(map[string]bool), cut: -1}
	for _, name := range []string{"fit", "rootfs", "fit.old", "state"} {
		data, ok := content[name]
		if !ok {
			continue
		}
		if err := u.Make(name, int64(len(data)), name != "state"); err != nil {
			t.Fatal(err)
		}
		v, _ := find(u.volumes, name)
		if err := u.Update(v, int64(len(data)), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	u.ops = nil
	return u
}

// step is one change of the flash.
func (u *fakeUBI) step(what string, change func()) {
	number := len(u.ops)
	u.ops = append(u.ops, what)
	if number != u.cut {
		change()
		return
	}
	if u.after {
		change()
	}
	panic(errCut)
}

func (u *fakeUBI) State() (mtd.UBIState, error)   { return u.state, nil }
func (u *fakeUBI) Volumes() ([]mtd.Volume, error) { return slices.Clone(u.volumes), nil }

func (u *fakeUBI) at(id int) *mtd.Volume {
	return &u.volumes[slices.IndexFunc(u.volumes, func(v mtd.Volume) bool { return v.ID == id })]
}

func (u *fakeUBI) Make(name string, size int64, static bool) error {
	if _, there := find(u.volumes, name); there {
		return fmt.Errorf("make %s: it exists", name)
	}
	blocks := (size + u.state.Block - 1) / u.state.Block
	if blocks > u.state.Free {
		return fmt.Errorf("make %s: %w", name, syscall.ENOSPC)
	}
	u.step("make "+name, func() {
		id := 0
		for _, v := range u.volumes {
			id = max(id, v.ID+1)
		}
		u.state.Free -= blocks
		u.volumes = append(u.volumes, mtd.Volume{ID: id, Name: name, Static: static, Blocks: blocks})
	})
	return nil
}

func (u *fakeUBI) Remove(v mtd.Volume) error {
	if u.busy[v.Name] {
		return fmt.Errorf("remove %s: busy", v.Name)
	}
	u.step("remove "+v.Name, func() {
		u.state.Bad += u.erased
		u.state.Free += v.Blocks - max(u.erased-u.state.Reserved, 0)
		u.state.Reserved -= min(u.erased, u.state.Reserved)
		u.volumes = slices.DeleteFunc(u.volumes, func(w mtd.Volume) bool { return w.ID == v.ID })
	})
	return nil
}

func (u *fakeUBI) Update(v mtd.Volume, size int64, data io.Reader) error {
	u.step("mark "+v.Name, func() { u.at(v.ID).Corrupt, u.data[v.ID] = true, nil })
	for {
		b := make([]byte, u.state.Block)
		n, err := io.ReadFull(data, b)
		if n > 0 {
			u.step("write "+v.Name, func() { u.data[v.ID] = append(u.data[v.ID], b[:n]...) })
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if n < len(b) {
			break
		}
	}
	if have := int64(len(u.data[v.ID])); have != size {
		return fmt.Errorf("update %s: %d bytes of %d", v.Name, have, size)
	}
	u.state.Bad += min(u.dies, u.state.Reserved)
	if u.dies > u.state.Reserved {
		u.state.ReadOnly = true
		return fmt.Errorf("update %s: %w", v.Name, syscall.EROFS)
	}
	if v.Name == u.flips {
		u.data[v.ID][size/2] ^= 1
	}
	u.step("unmark "+v.Name, func() { u.at(v.ID).Corrupt, u.at(v.ID).Data = false, size })
	return nil
}

func (u *fakeUBI) Read(v mtd.Volume) (io.ReadCloser, error) {
	if u.at(v.ID).Corrupt {
		return nil, fmt.Errorf("%s is corrupt", v.Name)
	}
	return io.NopCloser(bytes.NewReader(u.data[v.ID])), nil
}

func (u *fakeUBI) RenameVolumes(list ...mtd.Renaming) error {
	u.step("rename", func() {
		for _, r := range list {
			if v, there := find(u.volumes, r.Name); there && !slices.ContainsFunc(list, func(s mtd.Renaming) bool { return s.Volume.ID == v.ID }) {
				u.state.Free += v.Blocks
				u.volumes = slices.DeleteFunc(u.volumes, func(w mtd.Volume) bool { return w.ID == v.ID })
			}
		}
		for _, r := range list {
			u.at(r.Volume.ID).Name = r.Name
		}
	})
	return nil
}

// content is what a boot loader reads of a volume; "" if it is not there or corrupt.
func (u *fakeUBI) content(name string) string {
	v, there := find(u.volumes, name)
	if !there || v.Corrupt {
		return ""
	}
	return string(u.data[v.ID])
}
