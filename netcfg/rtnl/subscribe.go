package rtnl

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Subscribe returns a socket from which a group's messages can be read without waiting.
func Subscribe(protocol int, group uint) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_NETLINK): %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (group - 1)}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind(AF_NETLINK): %w", err)
	}
	return fd, nil
}
