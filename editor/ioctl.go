package editor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctlPointer is for the requests that x/sys has no function for.
func ioctlPointer(fd uintptr, request uint, arg *[128]byte) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(arg))); errno != 0 {
		return errno
	}
	return nil
}
