package test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bantam/editor/vt"
	"bantam/gpt"
	"bantam/test/vm"
)

// onWire is a second network port of a machine, at one end of a wire between two: port eth1.
func onWire(end string) []string {
	return []string{"-netdev", "socket,id=wire," + end, "-device", "virtio-net-pci,netdev=wire"}
}

// freePort is a TCP port of this host that nobody uses.
func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// withNetwork is an example with an address on the wire.
func withNetwork(t *testing.T, example, address string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(example))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, filepath.Base(example))
	text := string(read(t, file)) + fmt.Sprintf("\n[net.eth0]\n\n[net.eth1]\naddresses = [%q]\nipv6 = \"off\"\n", address)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// A broker of Debian's answers another machine over a wire; its configuration is changed on the machine and its client comes
// back; the package is dropped and comes back by a rollback.
func TestABrokerOfDebianServesAnotherMachine(t *testing.T) {
	port := freePort(t)
	s := newSSHClient(t)
	served := withNetwork(t, "../examples/mqtt/system.toml", "10.9.0.1/24")
	appendTo(t, served, "\n[user.root]\nauthorized_keys = ['"+s.public("key")+"']\n")
	path := disk(t, filepath.Join(build(t, "pc", served), "pc.img"))
	server := &console{Machine: vm.Start(t, pc(t, bios, append(onWire(fmt.Sprintf("listen=127.0.0.1:%d", port)), "-drive", virtio(path))...)...), t: t, host: "mqtt"}
	server.booted()
	server.settled()
	server.must("bantam status", "generation  1, good", "mosquitto", "ready")
	server.must("mount", " on /usr type overlay (ro,nosuid,nodev,")
	server.must("lsblk", "layer package/libc6", "vda")
	server.must("bantam generations show", "layers", "package mosquitto 2.", "package libc6 2.")

	// The other machine is the web server of the examples, started from a CD, with the broker's clients and OpenSSH's.
	file := withNetwork(t, "../examples/web/system.toml", "10.9.0.2/24")
	text := strings.Replace(string(read(t, file)), `packages = ["nginx-light"]`, `packages = ["nginx-light", "mosquitto-clients", "openssh-client"]`, 1)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	appendTo(t, file, "\n[file.'/root/.ssh/id_ed25519']\nmode = '0600'\ntext = '''\n"+string(read(t, filepath.Join(s.dir, "key")))+"'''\n")
	iso := filepath.Join(build(t, "pc", file), "pc.iso")
	client := &console{Machine: vm.Start(t, pc(t, uefi, append(onWire(fmt.Sprintf("connect=127.0.0.1:%d", port)), "-cdrom", iso)...)...), t: t, host: "(?:web|bantam)"}
	client.booted()
	client.settled()
	client.must("bantam status", "generation  1, good", "in memory", "nginx", "ready")
	client.must("ping -c 1 -W 20 10.9.0.1", "1 received")
	client.must("mount", " on /srv/www type squashfs (ro,")
	server.must("wget -q -O - http://10.9.0.2/", "is read where it lies")
	client.run("mosquitto_sub -h 10.9.0.1 -t test -q 1 -i reader -c > /tmp/got 2>&1 &")
	said := func(text string) {
		t.Helper()
		client.waitFor("mosquitto_pub -h 10.9.0.1 -q 1 -t test -m "+text+"; tail -n 1 /tmp/got", text)
	}
	said("hello")

	const pid = "bantam service list | awk '$1 == \"mosquitto\" {print $3}'"
	before := server.run(pid)
	if !regexp.MustCompile(`(?m)^\d+\s*$`).MatchString(before) {
		t.Fatalf("the broker's process is %q", before)
	}
	server.Send("(cat /run/bantam/system.toml; echo '# mine') > /tmp/next.toml; bantam switch /tmp/next.toml\r")
	server.Expect("generation 2 runs and is the default")
	server.prompt()
	if after := server.run(pid); after != before {
		t.Errorf("a comment has restarted the broker: its process was %q, and is %q", before, after)
	}
	e := server.look(24, 80, vt.VT102)
	server.Send("bantam edit\r")
	e.sees(`\^S Save`)
	server.type_(find, "allow_anonymous true", enter, end, enter, "max_connections 20", save)
	e.sees(`^Saved`)
	server.type_(quit)
	e.sees(`edit again \[k\]: *$`)
	server.Send("k\r")
	server.prompt()
	server.Send("bantam switch\r")
	server.Expect("stop service mosquitto")
	server.Expect("generation 3 runs and is the default")
	server.prompt()
	said("again")

	const loops = "cat /sys/block/loop*/loop/backing_file 2>&1 | grep -c vda"
	if got := strings.TrimSpace(server.run(loops)); got == "" || got == "0" {
		t.Errorf("%q loop devices have the layers", got)
	}
	server.write("/tmp/bare.toml", "[net.eth0]\n")
	server.Send("bantam switch /tmp/bare.toml\r")
	server.Expect("remove package mosquitto")
	server.Expect("generation 4 runs and is the default")
	server.host = "bantam"
	server.prompt()
	for _, gone := range []string{"mount", "ls /usr/sbin/mosquitto 2>&1", "ls /etc", "ls -l /lib64 2>&1"} {
		if got := server.run(gone); strings.Contains(got, "overlay") || strings.Contains(got, "mosquitto\n") || strings.Contains(got, "usr/lib64") {
			t.Errorf("%s: %s", gone, got)
		}
	}
	server.waitFor("test $("+loops+") = 0 && echo no''ne", "none")
	server.Send("bantam rollback\r")
	server.Expect("generation 3 runs and is the default")
	server.host = "mqtt"
	server.prompt()
	said("back")

	// From there the machine is changed, in the address by which it is reached: the switch goes on, and is confirmed by the new one.
	const ssh = "ssh -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -o HostKeyAlias=mqtt root@10.9.0."
	client.must(ssh+"1 'sed s,10.9.0.1/24,10.9.0.3/24, /run/bantam/system.toml > /tmp/moved.toml && bantam plan /tmp/moved.toml'", "10.9.0.3/24")
	client.run("(" + ssh + "1 bantam switch --confirm 10m /tmp/moved.toml) > /tmp/switched 2>&1 &")
	client.waitFor(ssh+"3 -o ConnectTimeout=5 bantam confirm; echo code $?", "code 0")
	client.waitFor(ssh+"3 bantam status", "generation  5, good")
	if got := server.run("bantam status"); strings.Contains(got, "older definition") { // it has been told of the new one
		t.Errorf("after a reload of the network: %s", got)
	}
	server.must("bantam rollback; echo code $?", "code 0")
	said("home")

	for _, c := range []*console{client, server} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}

	// The first layer on its disk is damaged: a generation without it runs, and says why.
	writeAt(t, path, make([]byte, 512), layersAt(t, path))
	server.Machine, server.host = vm.Start(t, pc(t, bios, "-drive", virtio(path), "-nic", "user,model=virtio-net-pci")...), "bantam"
	server.host = "(?:mqtt|bantam)" // that of generation 3, while it is tried
	server.booted()
	server.settled()
	server.must("bantam status", "generation  4, good", "generation 3 cannot run: ", "layer package/libc6")
	server.Send("bantam switch 3\r")
	server.Expect("refused, nothing was changed: .*layer package/libc6 is damaged")
	server.prompt()
	server.Send("poweroff\r")
	server.WaitEnd()
}

// appendTo writes text behind what a file has.
func appendTo(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, append(read(t, path), text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// layersAt is where the layers of a disk image begin.
func layersAt(t *testing.T, path string) int64 {
	t.Helper()
	number, p := tableOf(t, path).Table.Find(gpt.Layers)
	if number == 0 {
		t.Fatal("the image has no partition of layers")
	}
	return int64(p.First) * gpt.SectorSize
}
