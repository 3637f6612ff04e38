// Package yescrypt makes and checks hashes of passwords as crypt(5) writes them: $y$PARAMETERS$SALT$HASH. They are those of Debian's
// login and mkpasswd.
//
// It knows the usual flags (the parameters begin with j) and the two usual parameters, for cost; a hash with others is none to
// it. It is written for size: it takes about twice the time of the C library.
package yescrypt

import (
	"crypto/subtle"
	"strings"

	"bantam/entropy"
)

// The cost of a new hash: a router with 64 MB has the 8 MiB that it takes. Debian's is twice that.
const (
	usualLog = 11 // N is a power of two
	usualR   = 32
)

// digits are those of a hash, by value, the least significant one first.
const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Hash is a hash of a password, taken apart.
type Hash struct {
	N, R int    // cost: N places of 128 * R bytes are filled and visited
	salt []byte // what the password is mixed with
	text string // all of it but the last part, e.g. $y$j9T$salt$
	sum  string // the last part, 43 digits
}

// Memory is what its making and checking takes, in bytes.
func (h Hash) Memory() int { return 128 * h.N * h.R }

// Parse takes a hash apart.
func Parse(text string) (h Hash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 || parts[0] != "" || parts[1] != "y" || len(parts[2]) != 3 || parts[2][0] != 'j' {
		return h, false
	}
	log, r := strings.IndexByte(digits, parts[2][1])+1, strings.IndexByte(digits, parts[2][2])+1
	salt, good := decode(parts[3])
	if _, whole := decode(parts[4]); !good || !whole || len(parts[4]) != 43 || len(parts[3]) > 86 {
		return h, false
	}
	if log < 1 || log > 24 || r < 1 || r > 48 { // a digit above begins a longer number
		return h, false
	}
	return Hash{1 << log, r, salt, text[:len(text)-43], parts[4]}, true
}

// Of says whether it is that of a password, and takes the same time whether or not.
func (h Hash) Of(password []byte) bool {
	sum := encode(stored(password, h.salt, h.N, h.R))
	return subtle.ConstantTimeCompare([]byte(sum), []byte(h.sum)) == 1
}

// String is what Parse takes apart.
func (h Hash) String() string { return h.text + h.sum }

// New is a hash of a password with a salt of its own, of the usual cost: its check takes 8 MiB of memory.
func New(password []byte) Hash {
	salt := make([]byte, 16)
	entropy.Fill(salt)
	return hashOf(password, salt, usualLog, usualR)
}

func hashOf(password, salt []byte, log, r int) Hash {
	text := "$y$j" + digits[log-1:log] + digits[r-1:r] + "$" + encode(salt) + "$"
	return Hash{1 << log, r, salt, text, encode(stored(password, salt, 1<<log, r))}
}

// encode writes bytes as digits of six bits each.
func encode(b []byte) string {
	var text strings.Builder
	for i := 0; i < len(b); i += 3 {
		var n, size uint32
		for ; size < 3 && i+int(size) < len(b); size++ {
			n |= uint32(b[i+int(size)]) << (8 * size)
		}
		for bits := uint32(0); bits < 8*size; bits += 6 {
			text.WriteByte(digits[n&63])
			n >>= 6
		}
	}
	return text.String()
}

// decode reads what encode has written.
func decode(text string) (b []byte, ok bool) {
	for len(text) > 0 {
		part := text[:min(4, len(text))]
		text = text[len(part):]
		var n uint32
		for i := range len(part) {
			value := strings.IndexByte(digits, part[i])
			if value < 0 {
				return nil, false
			}
			n |= uint32(value) << (6 * i)
		}
		size := len(part) * 6 / 8
		for range size {
			b = append(b, byte(n))
			n >>= 8
		}
		if n != 0 || size == 0 { // of the last digit are only the bits that belong to a byte
			return nil, false
		}
	}
	return b, true
}
