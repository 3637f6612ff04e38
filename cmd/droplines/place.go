package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// pageMost is the largest page that Go's linker reckons with.
const pageMost = 1 << 16

// image is a program's file, whose head, program headers and section headers lie in front of its function table.
type image struct {
	data  []byte
	file  *elf.File
	order binary.ByteOrder
	wide  bool // 64 bits
}

func parse(data []byte) (*image, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return &image{data, file, file.ByteOrder, file.Class == elf.ELFCLASS64}, nil
}

func (m *image) pointer() int {
	if m.wide {
		return 8
	}
	return 4
}

// field is where one is, in a header of 64 and of 32 bits.
func (m *image) field(wide, narrow int) int {
	if m.wide {
		return wide
	}
	return narrow
}

func (m *image) word(at int) uint64 { return word(m.data[at:], m.order, m.pointer(), 0) }

func (m *image) putWord(at int, value uint64) { putWord(m.data[at:], m.order, m.pointer(), 0, value) }

// programHeader and sectionHeader are where the i-th lies.
func (m *image) programHeader(i int) int {
	return int(m.word(m.field(32, 28))) + i*int(m.order.Uint16(m.data[m.field(54, 42):]))
}

func (m *image) sectionHeader(i int) int {
	return int(m.word(m.field(40, 32))) + i*int(m.order.Uint16(m.data[m.field(58, 46):]))
}

// replace puts another function table in the place of a program's, and what lies behind it nearer: the segment of constants ends earlier, and
// the next ones, whose addresses stay, begin earlier in the file. It is then of segments that are whole in the file, as any linker makes them.
func (m *image) replace(table *elf.Section, l *layout) ([]byte, error) {
	if m.sectionHeader(len(m.file.Sections)) > int(table.Offset) || m.programHeader(len(m.file.Progs)) > int(table.Offset) {
		return nil, fmt.Errorf("%w: headers behind it", errUnknownLayout)
	}
	segment := -1
	for i, p := range m.file.Progs {
		switch within := table.Addr >= p.Vaddr && table.Addr+table.Size <= p.Vaddr+p.Filesz; {
		case p.Type == elf.PT_LOAD && within && p.Filesz == p.Memsz && p.Flags&elf.PF_W == 0:
			segment = i
		case p.Type != elf.PT_LOAD && p.Filesz > 0 && p.Off+p.Filesz > table.Offset:
			return nil, fmt.Errorf("%w: a part of it is %v", errUnknownLayout, p.Type)
		}
	}
	if segment < 0 {
		return nil, fmt.Errorf("%w: it is in no segment of constants", errUnknownLayout)
	}
	constants := m.file.Progs[segment]
	out := append(bytes.Clone(m.data[:table.Offset]), l.bytes...)
	to := &image{out, m.file, m.order, m.wide}
	words := m.data[m.file.Section(".go.module").Offset:]
	module := make(map[int]uint64) // its words that change
	end := table.Offset + table.Size
	// Behind it lie the lists of types and of interface tables.
	for i, s := range m.file.Sections {
		switch {
		case s == table:
			to.putWord(m.sectionHeader(i)+m.field(32, 20), uint64(len(l.bytes)))
			continue
		case s.Flags&elf.SHF_ALLOC == 0 || s.Addr < table.Addr || s.Addr >= constants.Vaddr+constants.Memsz:
			continue
		case s.Offset < end:
			return nil, fmt.Errorf("%w: %s before its end", errUnknownLayout, s.Name)
		}
		first := map[string]int{".typelink": typesWord, ".itablink": itabsWord}[s.Name]
		if first == 0 || word(words, m.order, m.pointer(), first) != s.Addr {
			return nil, fmt.Errorf("%w: %s behind it", errUnknownLayout, s.Name)
		}
		for uint64(len(to.data))%s.Addralign != (constants.Off-constants.Vaddr)%s.Addralign {
			to.data = append(to.data, 0)
		}
		at := uint64(len(to.data))
		to.putWord(m.sectionHeader(i)+m.field(16, 12), constants.Vaddr+at-constants.Off)
		to.putWord(m.sectionHeader(i)+m.field(24, 16), at)
		module[first] = constants.Vaddr + at - constants.Off
		to.data = append(to.data, m.data[s.Offset:s.Offset+s.Size]...)
		end = s.Offset + s.Size
	}
	size := uint64(len(to.data)) - constants.Off
	to.putWord(m.programHeader(segment)+m.field(32, 16), size)
	to.putWord(m.programHeader(segment)+m.field(40, 20), size)
	if err := to.follow(m, constants); err != nil {
		return nil, err
	}
	return to.data, to.point(m, table, l, module)
}

// follow appends the segments behind one that became smaller, at the next place where their addresses allow it, and then what is in no segment.
func (to *image) follow(from *image, smaller *elf.Prog) error {
	moved := make(map[*elf.Section]bool)
	for i, p := range from.file.Progs {
		if p.Type != elf.PT_LOAD || p.Off <= smaller.Off {
			continue
		}
		if p.Align > pageMost {
			return fmt.Errorf("%w: a segment aligned to %#x", errUnknownLayout, p.Align)
		}
		for p.Align > 1 && uint64(len(to.data))%p.Align != p.Vaddr%p.Align {
			to.data = append(to.data, 0)
		}
		at := uint64(len(to.data))
		to.putWord(from.programHeader(i)+from.field(8, 4), at)
		for n, s := range from.file.Sections {
			if s.Flags&elf.SHF_ALLOC != 0 && s.Addr >= p.Vaddr && s.Addr < p.Vaddr+p.Memsz {
				moved[s] = true
				to.putWord(from.sectionHeader(n)+from.field(24, 16), at+s.Offset-p.Off)
			}
		}
		to.data = append(to.data, from.data[p.Off:p.Off+p.Filesz]...)
	}
	for n, s := range from.file.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 && s.Type != elf.SHT_NULL && s.Offset > smaller.Off {
			to.putWord(from.sectionHeader(n)+from.field(24, 16), uint64(len(to.data)))
			to.data = append(to.data, from.data[s.Offset:s.Offset+s.FileSize]...)
		}
	}
	return nil
}

// point tells the runtime where the parts are.
func (to *image) point(from *image, table *elf.Section, l *layout, module map[int]uint64) error {
	slice := func(first, at, count int) {
		module[first], module[first+1], module[first+2] = table.Addr+uint64(at), uint64(count), uint64(count)
	}
	slice(namesWord, l.names, l.namesSize)
	slice(unitsWord, l.names, 0)
	slice(filesWord, l.names, 0)
	slice(valuesWord, l.values, l.valuesSize)
	slice(recordsWord, l.functions, l.functionsSize)
	slice(functabWord, l.functions, l.count+1)
	module[bucketsWord] = table.Addr + uint64(l.buckets)
	module[dataWord] = table.Addr + uint64(l.data)
	module[endWord] = table.Addr + uint64(len(l.bytes))
	again, err := parse(to.data)
	if err != nil {
		return err
	}
	words := again.data[again.file.Section(".go.module").Offset:]
	for i, value := range module {
		putWord(words, to.order, to.pointer(), i, value)
	}
	return nil
}
