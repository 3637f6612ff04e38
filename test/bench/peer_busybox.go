package main

import (
	"fmt"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// busybox init starts all that `respawn` names side by side, and knows no order: READY comes from udhcpc's
// script, which is last.
var (
	busyboxInit = busybox("busybox", "")
	// Its udhcpc makes sure that nobody else has the address, in the time that Bantam takes for it.
	busyboxProbing = busybox("busybox, probing", " -a150")
)

func busybox(name, udhcpcOptions string) peer {
	return peer{name: name, packages: []string{"busybox-static"}, files: func(root tree, services int) error {
		root.add(cpio.Symlink("init", "/bin/busybox"))
		var table strings.Builder
		table.WriteString("::sysinit:/etc/early\n")
		for n := range services {
			fmt.Fprintf(&table, "::respawn:/bench/service %d\n", n) // of two equal lines one counts
		}
		fmt.Fprintf(&table, "::respawn:/sbin/udhcpc -f -S -i eth0 -s /etc/udhcpc.script%s\n", udhcpcOptions)
		root.text("etc/inittab", table.String())
		root.text("etc/online", "/bench/ready &\n")
		return nil
	}}
}
