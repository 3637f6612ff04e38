package main

import (
	"fmt"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// finit mounts by itself and starts side by side what is in a runlevel.
var finit = peer{
	name: "finit", packages: []string{"finit", "libite5", "libuev3", "libc6"},
	files: func(root tree, services int) error {
		var b strings.Builder
		b.WriteString("host bench\nrunlevel 2\nrun [S] /etc/load\n")
		for n := range services {
			fmt.Fprintf(&b, "service :%d [2] /bench/service\n", n+1)
		}
		b.WriteString("service [2] /sbin/udhcpc -f -S -i eth0 -s /etc/udhcpc.script\n")
		root.text("etc/finit.conf", b.String())
		root.text("etc/fstab", "# finit has mounted what is needed\n")
		root.text("etc/online", "/bench/ready &\n")
		root.add(cpio.Symlink("init", "/sbin/finit"))
		return root.programs("sbin/finit")
	},
}
