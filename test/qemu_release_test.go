package test

import (
	"path/filepath"
	"testing"

	"bantam/test/release"
)

// newerQEMU replaces QEMU in the command of a machine by that of Debian's trixie, version 10.0: it has boards that 7.2 lacks, and devices
// of others.
func newerQEMU(t *testing.T, args []string) []string {
	t.Helper()
	qemu := release.Fetch(t, "trixie", "qemu-system-arm", "usr/bin/"+args[0])
	return append(append(qemu.Command, "-L", filepath.Join(qemu.Root, "usr/share/qemu")), args[1:]...)
}
