package main

import (
	"fmt"

	"github.com/u-root/u-root/pkg/cpio"
)

// serviceFolders are what runit and s6 supervise alike: a folder for each service with the program `run`, which is no
// script where none is needed. They know no order either.
func serviceFolders(root tree, services int) {
	for n := range services {
		root.add(cpio.Symlink(fmt.Sprintf("service/s%d/run", n), "/bench/service"))
	}
	root.text("service/dhcp/run", "#!/bin/sh\nexec udhcpc -f -S -i eth0 -s /etc/udhcpc.script\n")
	root.text("etc/online", "/bench/ready &\n")
}

var runit = peer{name: "runit", packages: []string{"runit", "libc6"}, files: func(root tree, services int) error {
	root.add(cpio.Symlink("init", "/sbin/runit"))
	root.text("etc/runit/1", "#!/bin/sh\n. /etc/early\n")
	root.text("etc/runit/2", "#!/bin/sh\nPATH=/usr/bin:/bin:/sbin\nexec runsvdir /service\n")
	root.text("etc/runit/3", "#!/bin/sh\n")
	serviceFolders(root, services)
	return root.programs("sbin/runit", "usr/bin/runsvdir", "usr/bin/runsv")
}}

// s6 without s6-rc, which Debian 12 does not have: s6-svscan is process 1.
var s6 = peer{
	name: "s6", packages: []string{"s6", "libs6-2.11", "libexecline2.9", "libskarnet2.13", "libc6"},
	files: func(root tree, services int) error {
		root.text("init", "#!/bin/sh\n. /etc/early\nPATH=/usr/bin:/bin:/sbin\nexport PATH\nexec s6-svscan /service\n")
		serviceFolders(root, services)
		return root.programs("usr/bin/s6-svscan", "usr/bin/s6-supervise")
	},
}
