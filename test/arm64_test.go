package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bantam/images"
)

// The same session, shorter, on a machine that is no PC: UEFI, device tree or ACPI of QEMU's virt, a compressed arm64
// kernel, another serial port; a program that this host built for it, and a broker of Debian's that this host talks to over
// the machine's network.
func TestArm64MachineSwitchesAndComesBack(t *testing.T) {
	text := string(read(t, "../examples/mqtt/system.toml")) // first, for its packages stand above all tables
	text += strings.Replace(string(read(t, "../examples/node-exporter/system.toml")), "hostname = \"metrics\"\n", "", 1)
	// Emulated on a busy host they need longer than on any machine.
	text = strings.ReplaceAll(text, "needs = [\"network\"]\n", "needs = [\"network\"]\nstart_timeout = \"10m\"\n") + "\n[proof]\ntimeout = \"15m\"\n"
	file := filepath.Join(t.TempDir(), "system.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := build(t, "qemu-arm64", file)
	port := freePort(t)
	forward := "user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:" + strconv.Itoa(port) + "-:1883"
	c := startAs(t, "mqtt", onBoard(t, "qemu-arm64", images.RunOptions{Image: filepath.Join(out, "qemu-arm64.img"), Args: []string{"-nic", forward}}))
	c.must("uname -m", "aarch64")
	c.must("cut -c1 /proc/sys/kernel/printk", "4\n") // warnings and above stay off the console
	c.must("bantam status", "board qemu-arm64", "generation  1, good", "online")
	metrics := func() {
		t.Helper()
		c.must("wget -q -O - http://127.0.0.1:9100/metrics | grep ^node_uname_info", `machine="aarch64"`)
	}
	metrics()
	said := func(text string) {
		t.Helper()
		for _, argv := range [][]string{
			{"mosquitto_pub", "-r", "-q", "1", "-t", "arm", "-m", text},
			{"mosquitto_sub", "-C", "1", "-W", "60", "-q", "1", "-t", "arm"},
		} {
			got, err := exec.Command(argv[0], append(argv[1:], "-h", "127.0.0.1", "-p", strconv.Itoa(port))...).CombinedOutput()
			if err != nil {
				t.Fatalf("%q: %v\n%s", argv, err, got)
			}
			if argv[0] == "mosquitto_sub" && strings.TrimSpace(string(got)) != text {
				t.Errorf("the broker says %q, want %q", got, text)
			}
		}
	}
	said("hello")
	c.write("/tmp/new.toml", "hostname = \"arm\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "arm"
	c.prompt()
	c.Reset()
	c.booted()
	c.must("hostname", "arm")
	c.must("ls /usr/bin/node_exporter /usr/sbin/mosquitto 2>&1 | grep -c 'no such file'", "2\n")
	c.settled()
	c.Send("bantam rollback\r")
	c.Expect(`generation 1 runs and is the default`)
	c.host = "mqtt"
	c.prompt()
	metrics()
	said("again")
}
