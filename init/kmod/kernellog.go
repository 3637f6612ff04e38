package kmod

import (
	"strings"

	"golang.org/x/sys/unix"
)

// kernelSaid is the last thing in the kernel log about a module, e.g. "Unknown
// symbol t10_pi_type1_crc (err -2)"; the error number alone does not tell that.
func kernelSaid(module string) string {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var record [8192]byte // the kernel's longest
	last := ""
	for {
		n, err := unix.Read(fd, record[:])
		switch {
		case err == unix.EINTR || err == unix.EPIPE: // EPIPE: overwritten while we read
		case err != nil || n == 0:
			return last
		default:
			if text, ok := saidOf(string(record[:n]), module); ok {
				last = text
			}
		}
	}
}

// saidOf is the text of a record of /dev/kmsg, "4,1234,5678,-;module: text\n KEY=value\n",
// if the module is its subject.
func saidOf(record, module string) (string, bool) {
	_, text, _ := strings.Cut(record, ";")
	text, _, _ = strings.Cut(text, "\n")
	subject, text, ok := strings.Cut(text, ": ")
	return strings.TrimSpace(text), ok && Name(subject) == module
}
