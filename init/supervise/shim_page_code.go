//go:build amd64 || arm64

package supervise

import "unsafe"

// pageStart is where the code of runPage is in this program.
func pageStart() *byte

// pageText is that code with what happens to be behind it, which it never reaches. It
// names no place outside of itself but callsAt.
func pageText() []byte {
	code := make([]byte, pageCode)
	copy(code, unsafe.Slice(pageStart(), pageCode))
	return code
}
