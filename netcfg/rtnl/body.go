package rtnl

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Body is a part of a message that grows by attributes.
type Body []byte

// Add is not taken apart into its callers, of which each would get larger by all of it.
//
//go:noinline
func (b *Body) Add(kind uint16, value []byte) { *b = append(*b, Attribute(kind, value)...) }

func (b *Body) Add8(kind uint16, value byte) { b.Add(kind, []byte{value}) }

func (b *Body) Add16(kind, value uint16) { b.Add(kind, binary.NativeEndian.AppendUint16(nil, value)) }

func (b *Body) Add32(kind uint16, value uint32) {
	b.Add(kind, binary.NativeEndian.AppendUint32(nil, value))
}

func (b *Body) AddText(kind uint16, text string) { b.Add(kind, append([]byte(text), 0)) }

// Nest adds an attribute of attributes.
func (b *Body) Nest(kind uint16, inner Body) { b.Add(kind|unix.NLA_F_NESTED, inner) }
