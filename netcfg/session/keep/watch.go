package keep

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"bantam/netcfg/rtnl"
	"bantam/netcfg/session"

	"golang.org/x/sys/unix"
)

// Watch brings an event whenever what a session is over may have come or gone, the first one at once. Every change of a
// link wakes it; what that was is looked up.
func Watch(there func() bool, k *Keeper) error {
	fd, err := rtnl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return fmt.Errorf("hear of links: %w", err)
	}
	go func() {
		had, first := false, true
		b := make([]byte, rtnl.AnswerSize)
		for {
			if has := there(); has != had || first {
				had, first = has, false
				k.Tell(session.Below{There: has})
			}
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			_, err := unix.Poll(poll, -1)
			if err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			for err = nil; err == nil || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EINTR); { // what is lost means the same
				_, _, err = unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
			}
		}
	}()
	return nil
}

// Carrier tells whether a port is there, up, and has a cable.
func Carrier(port string) bool {
	text, err := os.ReadFile("/sys/class/net/" + port + "/carrier") // EINVAL while it is down
	return err == nil && strings.TrimSpace(string(text)) == "1"
}
