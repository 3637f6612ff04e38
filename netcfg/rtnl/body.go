package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Body is a part of a message that grows by attributes.
type Body []byte

// Add is not taken apart into its callers, of which each would get larger by all of it.
//
//go:noinline
func (b *Body) Add(kind uint16, value []byte) {
	var padding [3]byte
	*b = binary.NativeEndian.AppendUint16(*b, uint16(4+len(value)))
	*b = append(binary.NativeEndian.AppendUint16(*b, kind), value...)
	*b = append(*b, padding[:-len(value)&3]...)
}

func (b *Body) Add8(kind uint16, value byte) { b.Add(kind, []byte{value}) }

func (b *Body) Add16(kind, value uint16) {
	var v [2]byte
	binary.NativeEndian.PutUint16(v[:], value)
	b.Add(kind, v[:])
}

func (b *Body) Add32(kind uint16, value uint32) {
	var v [4]byte
	binary.NativeEndian.PutUint32(v[:], value)
	b.Add(kind, v[:])
}

// AddAddress adds an address as the kernel has it, of four bytes or sixteen.
func (b *Body) AddAddress(kind uint16, a netip.Addr) {
	raw := a.As16()
	if a.Is4() {
		b.Add(kind, raw[12:])
		return
	}
	b.Add(kind, raw[:])
}

func (b *Body) AddText(kind uint16, text string) { b.Add(kind, append([]byte(text), 0)) }

// Nest adds an attribute of attributes.
func (b *Body) Nest(kind uint16, inner Body) { b.Add(kind|unix.NLA_F_NESTED, inner) }
