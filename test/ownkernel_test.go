package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/images"
)

// The router of a small house on a 32-bit MIPS, with the kernel that is built for it: what is built in works without modules, what is
// a module is loaded, and the machine is changed, proven and rolled back as any other.
func TestOwnKernelOfMaltaRunsARouter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "system.toml")
	text := `modules = ["mtdram", "wireguard"]

[net.wan]
match = { port = "eth0" }
zone = "wan"

[net.br0]
bridge = { ports = ["eth1"] }
zone = "lan"
addresses = ["192.168.7.1/24"]

[net.guests]
vlan = { parent = "br0", id = 7 }
addresses = ["192.168.8.1/24"]
zone = "lan"
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := build(t, "qemu-malta", file)
	image := filepath.Join(out, "qemu-malta.img")
	if info, err := os.Stat(image); err != nil || info.Size() > 8_000_000 {
		t.Errorf("the image has %d bytes, %v; want at most 8,000,000", info.Size(), err)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	cards := []string{"-nic", "user,model=pcnet", "-nic", "user,model=virtio-net-pci"}
	machine := images.RunOptions{Image: image, Keep: disk, Args: cards}
	c := start(t, onBoard(t, "qemu-malta", machine))
	c.settled()
	c.must("uname -m", "mips")
	c.must("uname -r", "-bantam")
	c.waitFor("bantam status", "online") // this card says only after some seconds that its cable is in
	c.must("bantam status", "board qemu-malta", "generation  1, good", "watchdog", "state       /dev/vda")
	c.must("ip addr show eth0", "inet 10.0.2.15/24")
	c.must("ip addr show guests", "inet 192.168.8.1/24")
	c.must("cat /proc/mtd", "mtd0: 00400000", "mtdram test device")
	c.must("lsmod", "mtdram")
	c.must("cat /proc/filesystems", "ubifs", "squashfs", "ext4")
	c.must("bantam net firewall", "wan", "lan", "guests")
	c.must("cat /sys/module/wireguard/version", "1.0") // built in
	c.write("/tmp/new.toml", "hostname = \"mips\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "mips"
	c.prompt()
	c.Reset()
	c.booted()
	c.must("hostname", "mips")
	c.settled()
	c.must("bantam status", "generation  2, good")
	c.Send("bantam rollback\r")
	c.Expect(`generation 1 runs and is the default`)
	c.host = "bantam"
	c.prompt()
	c.must("dmesg | grep -c -i 'call trace'; true", "0\n")
	c.Send("poweroff\r")
	c.WaitEnd()

	// The disk that was kept has the state; its kernel comes from it again.
	again := start(t, onBoard(t, "qemu-malta", machine))
	again.must("bantam generations", "1   good", "2   good")
}

// The smallest PC image: no module, and all that the machine and its userland need.
func TestOwnKernelTinyIsTheSmallestPC(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml", "--kernel", "tiny")
	for _, name := range []string{"pc.img", "pc.iso"} {
		info, err := os.Stat(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, info.Size())
		if info.Size() > 9_000_000 {
			t.Errorf("%s has %d bytes, want at most 9,000,000", name, info.Size())
		}
		documented(t, "`"+name+"`", info.Size())
	}
	image := filepath.Join(out, "pc.img")
	ahci := func() []string {
		args := pc(t, bios, "-drive", "if=none,id=disk,format=raw,file="+disk(t, image), "-device", "ide-hd,drive=disk,bus=ide.0")
		for i, arg := range args {
			args[i] = strings.Replace(arg, "user,model=virtio-net-pci", "user,model=e1000", 1)
		}
		return args
	}
	for name, args := range map[string][]string{
		"BIOS, virtio":         pc(t, bios, "-drive", virtio(disk(t, image))),
		"BIOS, AHCI and e1000": ahci(),
		"UEFI, virtio":         pc(t, uefi, "-drive", virtio(disk(t, image))),
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, args)
			c.settled()
			c.must("uname -r", "-bantam")
			c.must("ip addr show eth0", "inet 10.0.2.15/24")
			c.must("bantam status", "generation  1, good", "online", "watchdog")
			c.write("/tmp/new.toml", "hostname = \"small\"\n[service.web]\ncommand = [\"nc\", \"-lk\", \"-p\", \"8080\"]\nready = \"tcp/8080\"\nmemory = \"16M\"\n")
			c.Send("bantam switch /tmp/new.toml\r")
			c.Expect(`generation 2 runs and is the default`)
			c.host = "small"
			c.prompt()
			c.Reset()
			c.booted()
			c.must("hostname", "small")
			c.must("dmesg | grep -c -i 'call trace'; true", "0\n")
		})
	}
}
