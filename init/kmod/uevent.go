package kmod

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Event is one of the kernel's messages about a device.
type Event struct {
	Action    string // "add", "remove", "change", "bind", ...
	DevPath   string // below /sys, e.g. /devices/pci0000:00/0000:00:03.0/virtio0/net/eth0
	Subsystem string // e.g. "block", "net", "tty"
	DevType   string // e.g. "disk" or "partition" in subsystem block
	DevName   string // below /dev, e.g. "sda1"; "" for devices without a node
	Interface string // e.g. "eth0", in subsystem net
	Modalias  string // the driver it asks for
}

// ErrOverrun says that events came faster than they were read and some are lost.
var ErrOverrun = errors.New("uevents lost")

// ParseEvent reads a message of the kernel: ACTION@PATH and then KEY=VALUE,
// each ended by a NUL. It refuses udev's own messages, which begin otherwise.
func ParseEvent(message []byte) (Event, bool) {
	var e Event
	head, rest, _ := strings.Cut(string(message), "\x00")
	if action, path, ok := strings.Cut(head, "@"); !ok || action == "" || !strings.HasPrefix(path, "/") {
		return Event{}, false
	}
	for pair := range strings.SplitSeq(rest, "\x00") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "ACTION":
			e.Action = value
		case "DEVPATH":
			e.DevPath = value
		case "SUBSYSTEM":
			e.Subsystem = value
		case "DEVTYPE":
			e.DevType = value
		case "DEVNAME":
			e.DevName = value
		case "INTERFACE":
			e.Interface = value
		case "MODALIAS":
			e.Modalias = value
		}
	}
	return e, e.Action != "" && e.DevPath != ""
}

// Listener receives the kernel's uevents.
type Listener struct {
	fd int
}

// Listen opens the socket. Events are kept from here on, so open it before
// looking at what is there already.
func Listen() (*Listener, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("socket netlink uevent: %w", err)
	}
	// 1 MiB holds the some thousand events of loading all drivers; memory is used only while they wait.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	}
	const kernelGroup = 1 // 2 is udev's
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind netlink uevent: %w", err)
	}
	return &Listener{fd}, nil
}

// Close closes the socket.
func (l *Listener) Close() error { return unix.Close(l.fd) }

// Next gives the next event that waits; false when none does.
// After ErrOverrun the devices must be looked at again.
func (l *Listener) Next() (Event, bool, error) {
	var buffer [8192]byte // the kernel makes 2 KiB at most, and the path
	for {
		n, from, err := unix.Recvfrom(l.fd, buffer[:], 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return Event{}, false, nil
		case errors.Is(err, unix.ENOBUFS):
			return Event{}, false, ErrOverrun
		case err != nil:
			return Event{}, false, fmt.Errorf("receive uevent: %w", err)
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // a process, not the kernel
		}
		if e, ok := ParseEvent(buffer[:n]); ok {
			return e, true, nil
		}
	}
}

// Wait blocks until an event waits or the time is over; negative is for ever.
func (l *Listener) Wait(limit time.Duration) error {
	timeout := -1
	if limit >= 0 {
		timeout = int(limit.Milliseconds())
	}
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}, timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll uevent: %w", err)
	}
	return nil
}
