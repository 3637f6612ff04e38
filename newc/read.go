package newc

import (
	"bytes"
	"strconv"
)

// HeaderSize is what lies before the name of a file: the magic and thirteen numbers of eight hexadecimal digits.
const HeaderSize = 110

// Next reads the first file of an archive as Pack writes it: its path, its bytes, and the archive behind it, none of them copied. ok is
// false at the end, and where there is no archive.
func Next(archive []byte) (path string, data, rest []byte, ok bool) {
	if len(archive) < HeaderSize || !bytes.HasPrefix(archive, []byte("070701")) {
		return "", nil, nil, false
	}
	number := func(field int) (uint64, bool) {
		n, err := strconv.ParseUint(string(archive[6+8*field:][:8]), 16, 32)
		return n, err == nil
	}
	const size, nameSize = 6, 11
	length, okSize := number(size)
	nameLength, okName := number(nameSize)
	if !okSize || !okName || nameLength < 2 {
		return "", nil, nil, false
	}
	left := uint64(len(archive))
	begin := wholeFours(HeaderSize + nameLength)
	end := wholeFours(begin + length)
	if begin > left || length > left-begin {
		return "", nil, nil, false
	}
	name := archive[HeaderSize : HeaderSize+nameLength]
	if path = string(name[:nameLength-1]); name[nameLength-1] != 0 || path == trailer {
		return "", nil, nil, false
	}
	return path, archive[begin : begin+length], archive[min(end, left):], true
}

func wholeFours(n uint64) uint64 { return (n + 3) / 4 * 4 }
