package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/images"
)

// The same session, shorter, on a machine that is no PC: UEFI, device tree or
// ACPI of QEMU's virt, a compressed arm64 kernel, another serial port; and a program that this host built for it.
func TestArm64MachineSwitchesAndComesBack(t *testing.T) {
	program := strings.Replace(string(read(t, "../examples/node-exporter/system.toml")), "hostname = \"metrics\"\n", "", 1)
	file := filepath.Join(t.TempDir(), "system.toml")
	if err := os.WriteFile(file, append(read(t, "../examples/qemu-arm64/system.toml"), program...), 0o644); err != nil {
		t.Fatal(err)
	}
	out := build(t, "qemu-arm64", file)
	c := startAs(t, "bantam-arm64", onBoard(t, "qemu-arm64", images.RunOptions{Image: filepath.Join(out, "qemu-arm64.img")}))
	c.must("uname -m", "aarch64")
	c.must("cut -c1 /proc/sys/kernel/printk", "4\n") // warnings and above stay off the console
	c.must("bantam status", "board qemu-arm64", "generation  1, good", "online")
	metrics := func() {
		t.Helper()
		c.must("wget -q -O - http://127.0.0.1:9100/metrics | grep ^node_uname_info", `machine="aarch64"`)
	}
	metrics()
	c.write("/tmp/new.toml", "hostname = \"arm\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "arm"
	c.prompt()
	c.Reset()
	c.booted()
	c.must("hostname", "arm")
	c.must("ls /usr/bin/node_exporter 2>&1", "no such file")
	c.settled()
	c.Send("bantam rollback\r")
	c.Expect(`generation 1 runs and is the default`)
	c.host = "bantam-arm64"
	c.prompt()
	metrics()
}
