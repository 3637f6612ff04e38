package main

import (
	"fmt"

	"github.com/u-root/u-root/pkg/cpio"
)

// systemd without udev, journal and D-Bus, which the job does not need, and with no unit but those of the job: it mounts
// by itself, and starts side by side what does not wait. What a system of Debian's own takes is several times this.
var systemd = peer{
	name: "systemd",
	packages: []string{"systemd", "libsystemd-shared", "libc6", "libacl1", "libapparmor1", "libaudit1", "libblkid1", "libcap2",
		"libcap-ng0", "libcrypt1", "libgcrypt20", "libgpg-error0", "libip4tc2", "libkmod2", "liblz4-1", "liblzma5", "libmount1",
		"libpam0g", "libpcre2-8-0", "libseccomp2", "libselinux1", "libssl3", "libzstd1"},
	files: func(root tree, services int) error {
		unit := func(name, text string) {
			root.text("etc/systemd/system/"+name, "[Unit]\nDefaultDependencies=no\n"+text)
		}
		wants := "load.service dhcp.service"
		for n := range services {
			name := fmt.Sprintf("s%d.service", n)
			wants += " " + name
			unit(name, "[Service]\nExecStart=/bench/service\nRestart=always\n")
		}
		unit("default.target", "Wants="+wants+"\n")
		unit("load.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh /etc/load\n")
		unit("dhcp.service", "Requires=load.service\nAfter=load.service\n"+
			"[Service]\nExecStart=/sbin/udhcpc -f -S -i eth0 -s /etc/udhcpc.script\nRestart=always\n")
		root.text("etc/systemd/system.conf", "[Manager]\nLogTarget=null\nShowStatus=no\nDefaultStandardOutput=null\n")
		root.text("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
		root.text("etc/hostname", "bench\n")
		root.text("etc/os-release", "NAME=bench\n")
		root.text("etc/online", "/bench/ready &\n")
		root.add(cpio.Symlink("init", "/lib/systemd/systemd"))
		return root.programs("lib/systemd/systemd")
	},
}
