// Package confine takes from a process of ours that reads what strangers send all
// system calls but those that it needs. It knows nothing of files: a system call's
// filter sees pointers, not names. Of those the user and the mount namespace keep.
package confine

// Rules say what one process needs beside what every Go program does.
type Rules struct {
	Families []uint32  // of sockets, e.g. unix.AF_INET
	Netlink  []uint32  // protocols of netlink's sockets, e.g. unix.NETLINK_ROUTE
	Calls    []uintptr // further system calls, e.g. unix.SYS_ADJTIMEX
	Ioctls   []uint32  // requests to devices, e.g. unix.TIOCSWINSZ
	NoFiles  bool      // it opens and names no file, and has all that it works with
}
