// Package entropy is the kernel's random numbers.
package entropy

import "golang.org/x/sys/unix"

// Fill fills b with numbers that nobody can guess. After a boot it waits until the kernel has some.
func Fill(b []byte) {
	for len(b) > 0 {
		n, err := unix.Getrandom(b, 0)
		if err != nil && err != unix.EINTR {
			panic("getrandom: " + err.Error()) // every Linux has it
		}
		b = b[max(n, 0):]
	}
}
