package main

import "encoding/binary"

// What a part's pieces are aligned to. Values need none, records only that of their numbers: it is for the packer, which knows offsets that end alike, and
// records that follow at the same distance, better than others: 14 kB of a device binary.
const (
	recordAlign = 32
	valueAlign  = 4
)

// A layout is a function table laid out anew, and where its parts begin.
type layout struct {
	bytes                                   []byte
	count                                   int // of functions
	names, values, functions, data, buckets int
	namesSize, valuesSize, functionsSize    int
}

// shelf keeps equal pieces once, in the order in which they come.
type shelf struct {
	bytes []byte
	at    map[string]uint32
}

func newShelf() *shelf { return &shelf{at: make(map[string]uint32)} }

func (s *shelf) place(piece []byte, align int) uint32 {
	if at, ok := s.at[string(piece)]; ok {
		return at
	}
	s.bytes = padded(s.bytes, align)
	at := uint32(len(s.bytes))
	s.at[string(piece)] = at
	s.bytes = append(s.bytes, piece...)
	return at
}

func padded(list []byte, align int) []byte {
	for len(list)%align != 0 {
		list = append(list, 0)
	}
	return list
}

// packer lays the functions of a program out.
type packer struct {
	*program
	names, values, data *shelf
	tables              [][1 + valueTables]uint32 // by function, that of its stack first
	pieces              [][dataKinds]uint32
}

func pack(p *program) *layout {
	k := &packer{p, newShelf(), newShelf(), newShelf(), make([][1 + valueTables]uint32, len(p.functions)), make([][dataKinds]uint32, len(p.functions))}
	k.values.place([]byte{0}, 1) // offset 0 is no table
	for _, f := range p.functions {
		k.name(f.name)
	}
	k.placeTables()
	k.placeData()
	functions := k.records()

	l := &layout{count: len(p.functions), bytes: make([]byte, 8+headWords*p.pointer)}
	p.order.PutUint32(l.bytes, magic)
	l.bytes[6], l.bytes[7] = p.quantum, byte(p.pointer)
	part := func(piece []byte, align int) (at, size int) {
		l.bytes = padded(l.bytes, align)
		at = len(l.bytes)
		l.bytes = append(l.bytes, piece...)
		return at, len(piece)
	}
	l.names, l.namesSize = part(k.names.bytes, 1)
	l.values, l.valuesSize = part(k.values.bytes, 1)
	l.functions, l.functionsSize = part(functions, recordAlign)
	l.data, _ = part(padded(k.data.bytes, 4), p.pointer)
	l.buckets, _ = part(coarse(p.buckets), 4)
	for i, at := range map[int]int{
		functionsInHead: l.count, namesInHead: l.names, unitsInHead: l.names, filesInHead: l.names,
		valuesInHead: l.values, recordsInHead: l.functions,
	} {
		putWord(l.bytes[8:], p.order, p.pointer, i, uint64(at))
	}
	return l
}

func (k *packer) name(name string) uint32 {
	return k.names.place(append([]byte(name), 0), 1)
}

// placeTables puts tables of one kind together: they resemble each other.
func (k *packer) placeTables() {
	for n := range 1 + valueTables {
		for i, f := range k.functions {
			table := f.stack
			if n > 0 {
				table = f.values[n-1]
			}
			if table != nil {
				k.tables[i][n] = k.values.place(table, valueAlign)
			}
		}
	}
}

// placeData begins with what has a pointer's alignment and ends with what has none. The rest are numbers of 32 bits.
func (k *packer) placeData() {
	for _, kind := range []int{stackObjects, localMaps, argumentMaps, inlineTree, openDefers} {
		align := 4
		if kind == stackObjects {
			align = k.pointer
		}
		for i, f := range k.functions {
			piece := f.data[kind]
			if piece == nil {
				k.pieces[i][kind] = absent
				continue
			}
			for n, called := range f.inlined {
				if kind == inlineTree {
					k.order.PutUint32(piece[callBytes*n+4:], k.name(called))
				}
			}
			k.pieces[i][kind] = k.data.place(piece, align)
		}
	}
}

// records is the list of functions by their beginning, and behind it the record of each.
func (k *packer) records() []byte {
	list := make([]byte, 8*(len(k.functions)+1))
	for i, f := range k.functions {
		list = padded(list, recordAlign)
		at := len(list)
		k.order.PutUint32(list[8*i:], f.entry)
		k.order.PutUint32(list[8*i+4:], uint32(at))
		list = append(list, make([]byte, recordBytes)...)
		record := list[at:]
		k.order.PutUint32(record[entryField:], f.entry)
		k.order.PutUint32(record[nameField:], k.name(f.name))
		k.order.PutUint32(record[argsField:], f.args)
		k.order.PutUint32(record[deferField:], f.deferReturn)
		k.order.PutUint32(record[pcspField:], k.tables[i][0])
		binary.BigEndian.PutUint16(record[kindField:], f.kind)
		// The last ones that are not there need not be named.
		tables, pieces := k.tables[i][1:], k.pieces[i][:]
		for len(tables) > 0 && tables[len(tables)-1] == 0 {
			tables = tables[:len(tables)-1]
		}
		for len(pieces) > 0 && pieces[len(pieces)-1] == absent {
			pieces = pieces[:len(pieces)-1]
		}
		k.order.PutUint32(record[countField:], uint32(len(tables)))
		record[dataField] = byte(len(pieces))
		for _, offset := range append(tables, pieces...) {
			list = append(list, 0, 0, 0, 0)
			k.order.PutUint32(list[len(list)-4:], offset)
		}
	}
	k.order.PutUint32(list[8*len(k.functions):], k.end)
	return list
}

// bucketBytes is the size of what tells which function begins in 4,096 bytes of code, and then for each sixteenth of them how many later.
const bucketBytes = 4 + 16

// coarse leaves the sixteenths out: the runtime goes on from the function that it is told to the one that it seeks.
func coarse(buckets []byte) []byte {
	list := make([]byte, len(buckets))
	for at := 0; at+4 <= len(list); at += bucketBytes {
		copy(list[at:at+4], buckets[at:])
	}
	return list
}
