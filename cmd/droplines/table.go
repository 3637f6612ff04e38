package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	errUnknownLayout = errors.New("a function table of a layout that is not known")
	errDamaged       = errors.New("the function table is damaged")
)

// Layout of a function table: pcHeader, functab and _func of runtime/symtab.go and runtime2.go.
const (
	magic       = 0xfffffff1 // of Go 1.20 to 1.26
	headWords   = 8          // of a pointer's size, behind the first 8 bytes
	entryField  = 0          // in a function's record
	nameField   = 4
	argsField   = 8
	deferField  = 12
	pcspField   = 16
	countField  = 28 // of tables behind the record
	kindField   = 40 // two bytes
	dataField   = 43 // how many pieces of data follow the tables
	recordBytes = 44
	absent      = ^uint32(0) // for data
)

// Data that belongs to a function (internal/abi/symtab.go).
const (
	argumentMaps = iota
	localMaps
	stackObjects
	inlineTree
	openDefers
	dataKinds // the rest is for traces: arguments, and what a wrapper wraps
)

// callBytes is the size of an inlined call: what it is, name, where it is called, first line.
const callBytes = 16

// function is what is kept of one.
type function struct {
	entry, args, deferReturn uint32
	kind                     uint16
	name                     string
	stack                    []byte // how far the stack pointer is from the frame's beginning, at every instruction
	values                   [valueTables][]byte
	data                     [dataKinds][]byte
	inlined                  []string // names of the calls in its inlineTree
}

// program is what the function table of one says.
type program struct {
	order     binary.ByteOrder
	pointer   int // bytes of one
	quantum   byte
	functions []function
	end       uint32 // of the last function
	buckets   []byte
}

// read takes a function table apart.
func read(t *tables) (*program, error) {
	p := &program{order: t.order, pointer: t.pointer, quantum: t.quantum, buckets: t.buckets}
	sizes := t.dataSizes()
	for i := range t.count {
		record := t.record(i)
		f := function{
			entry:       t.order.Uint32(record[entryField:]),
			args:        t.order.Uint32(record[argsField:]),
			deferReturn: t.order.Uint32(record[deferField:]),
			kind:        binary.BigEndian.Uint16(record[kindField:]),
			name:        t.name(t.order.Uint32(record[nameField:])),
			stack:       t.stack(t.order.Uint32(record[pcspField:])),
		}
		if f.entry != t.order.Uint32(t.functions[8*i:]) {
			return nil, errDamaged
		}
		count := t.order.Uint32(record[countField:])
		if count > valueTables || record[dataField] > 8 {
			return nil, fmt.Errorf("%w: a function has %d tables and %d pieces of data", errUnknownLayout, count, record[dataField])
		}
		var values [valueTables][]stretch
		for n := range count {
			values[n] = t.stretches(t.order.Uint32(record[recordBytes+4*n:]))
		}
		for n := range min(record[dataField], dataKinds) {
			if at := t.order.Uint32(record[recordBytes+4*count+4*uint32(n):]); at != absent {
				f.data[n] = slices.Clone(t.data[at:][:sizes[at]])
			}
		}
		// Where the runtime never stops a goroutine it asks for nothing (runtime/preempt.go). Of its inlined calls a trace shows none either.
		if ofTheRuntime(f.name) {
			values[unsafePoints], values[inlinedCalls], f.data[inlineTree] = nil, nil, nil
		}
		values[unsafePoints] = shortenUnsafe(values[unsafePoints], values[stackMaps])
		values[stackMaps] = shortenMaps(values[stackMaps])
		values[bounds] = shortenBounds(values[bounds])
		values[liveArguments] = nil
		for n, list := range values {
			if len(list) > 0 {
				f.values[n] = encode(list)
			}
		}
		for call := f.data[inlineTree]; len(call) >= callBytes; call = call[callBytes:] {
			f.inlined = append(f.inlined, t.name(t.order.Uint32(call[4:])))
			clear(call[4:8])
			clear(call[12:16])
		}
		p.functions = append(p.functions, f)
	}
	p.end = t.order.Uint32(t.functions[8*t.count:])
	return p, nil
}

func ofTheRuntime(name string) bool {
	return strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/runtime/")
}
