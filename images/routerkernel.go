package images

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"math"

	"bantam/board"
	"bantam/firmware"
)

// treeSection is what a vmlinuz has behind its data if it looks for a device tree there.
const treeSection = ".appended_dtb"

// routerKernel is a kernel as boards have it whose U-Boot starts a uImage: vmlinuz and the device tree (firmware.MIPSKernel).
func routerKernel(b board.Board, k Kernel, vmlinuz []byte) ([]byte, error) {
	m, err := mipsKernel(vmlinuz)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Image, err)
	}
	tree, err := k.tree(b.DeviceTrees[0])
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	m.Name, m.Tree = "Linux "+k.Version, bytes.NewReader(tree)
	m.Name = m.Name[:min(len(m.Name), 32)] // what the header has for it
	var whole bytes.Buffer
	if err := m.Write(&whole); err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Image, err)
	}
	return whole.Bytes(), nil
}

// mipsKernel reads a vmlinuz, an ELF file, as it will lie in memory: up to where the device tree belongs.
func mipsKernel(vmlinuz []byte) (m firmware.MIPSKernel, err error) {
	f, err := elf.NewFile(bytes.NewReader(vmlinuz))
	if err != nil {
		return m, err
	}
	section := f.Section(treeSection)
	if section == nil {
		return m, fmt.Errorf("it looks for no device tree behind itself: build vmlinuz with CONFIG_MIPS_RAW_APPENDED_DTB=y")
	}
	var whole []byte
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 || p.Vaddr >= section.Addr {
			continue
		}
		if whole == nil {
			m.Load = uint32(p.Vaddr)
		}
		at := p.Vaddr - uint64(m.Load)&math.MaxUint32 // the same in both, where addresses are of 32 bits
		if at < uint64(len(whole)) || at+p.Filesz > uint64(len(vmlinuz))*2 {
			return m, fmt.Errorf("its segments overlap, or lie far from each other")
		}
		whole = append(whole, make([]byte, at+p.Filesz-uint64(len(whole)))...)
		if _, err := io.ReadFull(p.Open(), whole[at:]); err != nil {
			return m, fmt.Errorf("segment at %#x: %w", p.Vaddr, err)
		}
	}
	size := section.Addr - uint64(m.Load)
	if whole == nil || size > uint64(len(vmlinuz))*2 {
		return m, fmt.Errorf("nothing of it is loaded in front of %s", treeSection)
	}
	if uint64(len(whole)) < size {
		whole = append(whole, make([]byte, size-uint64(len(whole)))...)
	}
	m.Entry, m.VMLinuz = uint32(f.Entry), bytes.NewReader(whole[:size])
	return m, nil
}
