// Package hostdisk is this host's disks: what Linux says of them in /sys, /proc and udev's notes, and one of them opened so that it
// can be written past every cache.
//
// Limits: what other mount namespaces have mounted is not listed; the kernel refuses such a disk when it is opened.
package hostdisk
