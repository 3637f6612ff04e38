package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

var (
	errUnknownLayout = errors.New("a function table of a layout that is not known")
	errDamaged       = errors.New("the function table is damaged")
)

// Layout of a function table: pcHeader, functab and _func of runtime/symtab.go and runtime2.go.
const (
	magic       = 0xfffffff1 // of Go 1.20 to 1.26
	headWords   = 8          // of a pointer's size, behind the first 8 bytes
	pcspField   = 16         // in a function's record
	fileField   = 20
	lineField   = 24
	countField  = 28 // of tables behind the record
	unitField   = 32
	startField  = 36
	recordBytes = 44
)

// unknown is a table that says -1 for 1<<26 instructions, which is no line and no file: as far above -1, where all tables begin, how far, and the end.
var unknown = []byte{0, 0x80, 0x80, 0x80, 0x20, 0}

// table is a function table in its byte order.
type table struct {
	data  []byte
	order binary.ByteOrder
	parts [headWords]uint64
}

// Words of the head.
const (
	functions = iota
	_         // files
	_         // where the text once began
	_         // names
	units     // files of compilation units
	files     // names of files
	values
	records
)

// drop drops lines and files from a function table.
func drop(data []byte, order binary.ByteOrder) (err error) {
	defer func() {
		if recover() != nil { // an offset leads out of it
			err = errDamaged
		}
	}()
	t, err := readHead(data, order)
	if err != nil {
		return err
	}
	kept, dropped := make(map[uint32]bool), make(map[uint32]bool)
	for i := range t.parts[functions] {
		record := t.record(i)
		kept[order.Uint32(record[pcspField:])] = true
		for n := range order.Uint32(record[countField:]) {
			kept[order.Uint32(record[recordBytes+4*n:])] = true
		}
		for _, field := range []int{fileField, lineField} {
			if at := order.Uint32(record[field:]); at != 0 { // it has none
				dropped[at] = true
			}
		}
	}
	shared := uint32(0)
	for _, at := range sorted(dropped) {
		if kept[at] { // equal tables are one
			continue
		}
		lines := t.values(at)
		clear(lines)
		if shared == 0 && len(lines) >= len(unknown) {
			copy(lines, unknown)
			shared = at
		}
	}
	if shared == 0 && len(dropped) > 0 {
		return fmt.Errorf("%w: no room for a table without lines", errUnknownLayout)
	}
	for i := range t.parts[functions] {
		record := t.record(i)
		for _, field := range []int{fileField, lineField} {
			if order.Uint32(record[field:]) != 0 {
				order.PutUint32(record[field:], shared)
			}
		}
		clear(record[unitField : startField+4])
	}
	clear(data[t.parts[units]:t.parts[values]])
	return nil
}

func sorted(set map[uint32]bool) []uint32 {
	list := make([]uint32, 0, len(set))
	for at := range set {
		list = append(list, at)
	}
	slices.Sort(list)
	return list
}

func readHead(data []byte, order binary.ByteOrder) (*table, error) {
	if got := order.Uint32(data); got != magic {
		return nil, fmt.Errorf("%w: %#x", errUnknownLayout, got)
	}
	t := &table{data: data, order: order}
	size := int(data[7])
	if size != 4 && size != 8 {
		return nil, fmt.Errorf("%w: pointers of %d bytes", errUnknownLayout, size)
	}
	for i := range t.parts {
		if word := data[8+i*size:]; size == 4 {
			t.parts[i] = uint64(order.Uint32(word))
		} else {
			t.parts[i] = order.Uint64(word)
		}
	}
	return t, nil
}

func (t *table) record(i uint64) []byte {
	list := t.data[t.parts[records]:]
	return list[t.order.Uint32(list[8*i+4:]):]
}

// values is the table at an offset: pairs of numbers in groups of seven bits, up to a 0 where the first of a pair would be. The very first may be 0.
func (t *table) values(at uint32) []byte {
	list := t.data[t.parts[values]:][at:]
	for i := 0; ; {
		if list[i] == 0 && i > 0 {
			return list[:i+1]
		}
		for range 2 {
			for list[i]&0x80 != 0 {
				i++
			}
			i++
		}
	}
}
