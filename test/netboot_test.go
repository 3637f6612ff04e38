package test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"bantam/test/vm"
)

// A machine without a disk fetches kernel and initrd over the network, as iPXE in its network card does it, and runs Debian's
// broker from the layers that lie in the initrd.
func TestAMachineStartsOverTheNetwork(t *testing.T) {
	out := build(t, "pc", "../examples/mqtt/system.toml", "--netboot")
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(out, "pc.netboot"))))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	c := &console{t: t, host: "mqtt", Machine: vm.Start(t, "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "256", "-boot", "n",
		"-device", "i6300esb", "-nic", "user,model=virtio-net-pci,bootfile=http://10.0.2.2"+port+"/boot.ipxe")}
	c.booted()
	c.settled()
	c.must("bantam status", "generation  1, good", "in memory", "mosquitto", "ready")
	c.must("cat /sys/block/loop*/loop/backing_file | sort -u | head -n 1", "/bantam/layers/")
	// CONNECT, and what a broker answers: MQTT 3.1.1, sections 3.1 and 3.2.
	c.must(`printf '\020\015\000\004MQTT\004\002\000\074\000\001a' | nc -w 5 127.0.0.1 1883 | od -An -tx1`, "20 02 00 00")
	c.write("/tmp/bare.toml", "[net.eth0]\n")
	c.Send("bantam switch /tmp/bare.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "bantam"
	c.prompt()
	c.Send("bantam rollback\r")
	c.Expect("generation 1 runs and is the default")
	c.host = "mqtt"
	c.prompt()
	c.must("bantam status", "mosquitto", "ready")
	c.Send("poweroff\r")
	c.WaitEnd()
}
