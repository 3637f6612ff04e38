package yescrypt

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// What the usual flags fix of pwxform: six rounds over four lanes of two numbers, with three S-boxes of 256 pairs.
const (
	rounds   = 6
	boxWords = 256 * 2
	boxMask  = boxWords - 2 // indexes are even
)

// block is 64 bytes as eight numbers: the sixteen words of Salsa20, of which the i-th half has word 5*i mod 16.
type block = [8]uint64

// stored derives what a hash stores of a password: yescrypt 1.1 with its default flags, t = 0, p = 1 and no ROM.
func stored(password, salt []byte, n, r int) []byte {
	if n >= 0x100 && n*r >= 0x20000 { // a first, short pass, so that a thief of memory has seen no plain hash of the password
		password = derive("yescrypt-prehash", password, salt, n>>6, r)
	}
	client := mac(derive("yescrypt", password, salt, n, r), []byte("Client Key"))
	sum := sha256.Sum256(client)
	return sum[:]
}

func derive(purpose string, password, salt []byte, n, r int) []byte {
	text := stretch(mac([]byte(purpose), password), salt, 128*r)
	first := bytes.Clone(text[:32])
	m := mixer{boxes: make([]uint64, 3*boxWords)}
	m.fill(text[:128])
	m.s2, m.s1, m.s0 = m.boxes[:boxWords], m.boxes[boxWords:2*boxWords], m.boxes[2*boxWords:]
	password = mac(text[128*r-64:], first)
	x := unpack(text)
	m.mix(x, n)
	pack(text, x)
	return stretch(password, text, 32)
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// stretch is PBKDF2 with one round.
func stretch(password, salt []byte, size int) []byte {
	text, err := pbkdf2.Key(sha256.New, string(password), salt, 1, size)
	if err != nil {
		panic(err) // only where FIPS 140 is enforced, which it is not here
	}
	return text
}

// unpack and pack go from bytes to blocks and back.
func unpack(text []byte) []block {
	x := make([]block, len(text)/64)
	for i := range x {
		for j := range 8 {
			lo := binary.LittleEndian.Uint32(text[64*i+4*(10*j%16):])
			hi := binary.LittleEndian.Uint32(text[64*i+4*((10*j+5)%16):])
			x[i][j] = uint64(lo) | uint64(hi)<<32
		}
	}
	return x
}

func pack(text []byte, x []block) {
	for i := range x {
		for j, n := range x[i] {
			binary.LittleEndian.PutUint32(text[64*i+4*(10*j%16):], uint32(n))
			binary.LittleEndian.PutUint32(text[64*i+4*((10*j+5)%16):], uint32(n>>32))
		}
	}
}

// mixer is the state of pwxform: its S-boxes, which change their roles and are written to.
type mixer struct {
	boxes      []uint64
	s0, s1, s2 []uint64
	written    int
}

// fill makes the S-boxes of the first two blocks of the text, by scrypt's mixing, and leaves in the text what comes next.
func (m *mixer) fill(text []byte) {
	x := unpack(text)
	for at := 0; at < len(m.boxes); at += 16 {
		copy(m.boxes[at:], x[0][:])
		copy(m.boxes[at+8:], x[1][:])
		y := x[1]
		for i := range x {
			xor(&y, &x[i])
			salsa(&y, 8)
			x[i] = y
		}
	}
	pack(text, x)
}

// mix is yescrypt's sequential, memory-hard mixing of x: n steps that fill n places of memory and read where it is told, then a
// third as many that also write there.
func (m *mixer) mix(x []block, n int) {
	memory, size := make([]block, n*len(x)), len(x)
	place := func(i int) []block { return memory[i*size : (i+1)*size] }
	told := func() int { return int(uint32(x[size-1][0])) }
	for i := range n {
		copy(place(i), x)
		if i > 1 {
			span := 1 << (bits.Len(uint(i)) - 1) // the largest power of two that is not above i
			xorAll(x, place(told()&(span-1)+i-span))
		}
		m.blocks(x)
	}
	for range ((n+2)/3 + 1) &^ 1 {
		at := place(told() & (n - 1))
		xorAll(x, at)
		copy(at, x)
		m.blocks(x)
	}
}

// blocks mixes all blocks, one after the other.
func (m *mixer) blocks(x []block) {
	y := x[len(x)-1]
	for i := range x {
		xor(&y, &x[i])
		m.pwxform(&y)
		x[i] = y
	}
	salsa(&x[len(x)-1], 2)
}

// pwxform multiplies, adds and looks up, which no hardware does much faster than a processor.
func (m *mixer) pwxform(y *block) {
	s0, s1, s2, w := m.s0, m.s1, m.s2, m.written
	for round := range rounds {
		for lane := 0; lane < 8; lane += 2 {
			a := uint32(y[lane]) >> 3 & boxMask
			b := uint32(y[lane]>>35) & boxMask
			for i := range 2 {
				n := y[lane+i]
				y[lane+i] = ((n>>32)*uint64(uint32(n)) + s0[int(a)+i]) ^ s1[int(b)+i]
			}
			if round != 0 && round != rounds-1 {
				s2[w], s2[w+1] = y[lane], y[lane+1]
				w += 2
			}
		}
	}
	m.s0, m.s1, m.s2, m.written = s2, s0, s1, w&(boxWords-1)
}

func xor(y, x *block) {
	for i := range y {
		y[i] ^= x[i]
	}
}

func xorAll(y, x []block) {
	for i := range y {
		xor(&y[i], &x[i])
	}
}

// salsa is Salsa20 with so many rounds.
func salsa(y *block, rounds int) {
	var x [16]uint32
	for i, n := range y {
		x[10*i%16], x[(10*i+5)%16] = uint32(n), uint32(n>>32)
	}
	quarter := func(a, b, c, d int) {
		x[b] ^= bits.RotateLeft32(x[a]+x[d], 7)
		x[c] ^= bits.RotateLeft32(x[b]+x[a], 9)
		x[d] ^= bits.RotateLeft32(x[c]+x[b], 13)
		x[a] ^= bits.RotateLeft32(x[d]+x[c], 18)
	}
	for range rounds / 2 {
		for i := range 4 { // columns
			quarter(5*i, (5*i+4)%16, (5*i+8)%16, (5*i+12)%16)
		}
		for i := range 4 { // rows
			quarter(5*i, 4*i+(i+1)%4, 4*i+(i+2)%4, 4*i+(i+3)%4)
		}
	}
	for i, n := range y {
		y[i] = uint64(uint32(n)+x[10*i%16]) | uint64(uint32(n>>32)+x[(10*i+5)%16])<<32
	}
}
