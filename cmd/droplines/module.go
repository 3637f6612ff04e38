package main

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
)

// Words of runtime.moduledata (runtime/symtab.go), through which alone the runtime finds the parts of the function table. A slice has three.
const (
	headWord     = 0
	namesWord    = 1
	unitsWord    = 4
	filesWord    = 7
	valuesWord   = 10
	recordsWord  = 13
	functabWord  = 16
	bucketsWord  = 19
	dataWord     = 40
	endWord      = 41
	typesWord    = 45
	itabsWord    = 48
	wordsOfOurs  = 51
	wordsOfSlice = 3
)

// Words of the table's head, behind its first 8 bytes.
const (
	functionsInHead = 0
	namesInHead     = 3
	unitsInHead     = 4
	filesInHead     = 5
	valuesInHead    = 6
	recordsInHead   = 7
)

// tables are the parts of a function table as it lies in a program.
type tables struct {
	order   binary.ByteOrder
	pointer int
	quantum byte
	count   uint32 // of functions

	names, values, functions, buckets, data []byte
}

// word is one of a module's or a head's.
func word(list []byte, order binary.ByteOrder, pointer, i int) uint64 {
	if list = list[i*pointer:]; pointer == 4 {
		return uint64(order.Uint32(list))
	}
	return order.Uint64(list)
}

func putWord(list []byte, order binary.ByteOrder, pointer, i int, value uint64) {
	if list = list[i*pointer:]; pointer == 4 {
		order.PutUint32(list, uint32(value))
	} else {
		order.PutUint64(list, value)
	}
}

// open finds the parts of the function table. What head and module say must agree: then nothing has another layout than is known here.
func open(section *elf.Section, table, module []byte, order binary.ByteOrder) (*tables, error) {
	if len(table) < 8 || order.Uint32(table) != magic {
		return nil, fmt.Errorf("%w: it begins with %x", errUnknownLayout, table[:min(len(table), 4)])
	}
	t := &tables{order: order, quantum: table[6], pointer: int(table[7])}
	if t.pointer != 4 && t.pointer != 8 {
		return nil, fmt.Errorf("%w: pointers of %d bytes", errUnknownLayout, t.pointer)
	}
	if len(table) < 8+headWords*t.pointer || len(module) < wordsOfOurs*t.pointer {
		return nil, fmt.Errorf("%w: a head of %d bytes, a module of %d", errUnknownLayout, len(table), len(module))
	}
	head := func(i int) uint64 { return word(table[8:], order, t.pointer, i) }
	of := func(i int) uint64 { return word(module, order, t.pointer, i) }
	size := uint64(len(table))
	for _, pair := range [][2]uint64{
		{of(headWord), section.Addr},
		{of(namesWord), section.Addr + head(namesInHead)},
		{of(unitsWord), section.Addr + head(unitsInHead)},
		{of(filesWord), section.Addr + head(filesInHead)},
		{of(valuesWord), section.Addr + head(valuesInHead)},
		{of(recordsWord), section.Addr + head(recordsInHead)},
		{of(functabWord), of(recordsWord)},
		{of(functabWord + 1), head(functionsInHead) + 1},
		{of(endWord), section.Addr + size},
	} {
		if pair[0] != pair[1] {
			return nil, fmt.Errorf("%w: %#x is not %#x", errUnknownLayout, pair[0], pair[1])
		}
	}
	var bad error
	part := func(from, length uint64) []byte {
		if from -= section.Addr; from > size || length > size-from {
			bad = errDamaged
			return nil
		}
		return table[from:][:length]
	}
	t.names = part(of(namesWord), of(namesWord+1))
	t.values = part(of(valuesWord), of(valuesWord+1))
	t.functions = part(of(recordsWord), of(recordsWord+1))
	t.buckets = part(of(bucketsWord), of(endWord)-of(bucketsWord))
	t.data = part(of(dataWord), of(bucketsWord)-of(dataWord)) // the linker puts the buckets behind them
	t.count = uint32(head(functionsInHead))
	if bad == nil && uint64(t.count) > size/8 {
		bad = errDamaged
	}
	return t, bad
}

func (t *tables) record(i uint32) []byte {
	return t.functions[t.order.Uint32(t.functions[8*i+4:]):]
}

// name is the one at an offset. What is between brackets, the types of a generic function, no trace shows.
func (t *tables) name(at uint32) string {
	name := t.names[at:]
	name = name[:slices.Index(name, 0)]
	from, to := slices.Index(name, '['), len(name)-1
	for ; to > from && name[to] != ']'; to-- {
	}
	if from >= 0 && to > from {
		return string(name[:from]) + "[...]" + string(name[to+1:])
	}
	return string(name)
}

func (t *tables) stretches(at uint32) []stretch {
	if at == 0 {
		return nil
	}
	return decode(t.values[at:])
}

func (t *tables) stack(at uint32) []byte {
	if at == 0 {
		return nil
	}
	return encode(t.stretches(at))
}

// dataSizes are the sizes of pieces of data, by offset: each reaches to the next, whosever that is.
func (t *tables) dataSizes() map[uint32]uint32 {
	starts := []uint32{uint32(len(t.data))}
	for i := range t.count {
		record := t.record(i)
		count := t.order.Uint32(record[countField:])
		for n := range uint32(record[dataField]) {
			if at := t.order.Uint32(record[recordBytes+4*(count+n):]); at != absent {
				starts = append(starts, at)
			}
		}
	}
	slices.Sort(starts)
	sizes := make(map[uint32]uint32)
	for i, at := range starts[:len(starts)-1] {
		if next := starts[i+1]; next > at {
			sizes[at] = next - at
		}
	}
	return sizes
}
