package test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What people and disks do wrong, one after the other on one machine. After
// each the machine has to be as it was before, and say why.
func TestBadInputLeavesTheMachineAsItWas(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	path := disk(t, filepath.Join(out, "pc.img"))
	c := start(t, pc(t, bios, "-drive", virtio(path)))
	c.settled()
	c.badFiles()
	c.twoAtOnce()
	c.lostTerminal()
	c.generationVerbs()
	c.failingServices()
	c.fullVolume()
	c.damagedStore()
	c.rights()
	c.boundServices()
	c.files()
	c.forkBomb()
	c.secrets()
	c.people()
	c.Send("poweroff\r")
	c.WaitEnd()
	wantClean(t, path)
}

// refused runs a command that has to say all of want, to fail with 1, and to change nothing.
func (c *console) refused(command string, want ...string) {
	c.t.Helper()
	before := c.condition()
	c.must(command+"; echo code $?", append(want, "code 1\n")...)
	if after := c.condition(); after != before {
		c.t.Fatalf("%s changed the machine from\n%sto\n%s", command, before, after)
	}
}

// condition is the machine without what time changes: its generations, its
// name, and each service with its process.
func (c *console) condition() string {
	c.t.Helper()
	text := c.run("bantam generations; hostname")
	for _, line := range strings.Split(c.run("bantam service list"), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 {
			text += strings.Join(fields[:3], " ") + "\n"
		}
	}
	return text
}

// row is the row of a service in the list.
func (c *console) row(service string) string {
	c.t.Helper()
	list := c.run("bantam service list")
	for _, line := range strings.Split(list, "\n") {
		if strings.HasPrefix(line, service+" ") {
			return line
		}
	}
	c.t.Fatalf("no service %s in\n%s", service, list)
	return ""
}

func (c *console) badFiles() {
	c.t.Helper()
	c.write("/tmp/wrong.toml", "hostname = \"x\"\nhostnme = 3\n[net.eth0]\naddresses = [\"10.0.2.300/24\"]\n")
	c.refused("bantam switch /tmp/wrong.toml", `/tmp/wrong.toml:2:1: unknown key "hostnme"; did you mean "hostname"?`,
		`/tmp/wrong.toml:4:14: net.eth0.addresses: "10.0.2.300/24" is not an address`, "refused, nothing was changed")
	c.write("/tmp/port.toml", "[net.eth9]\naddresses = [\"192.0.2.1/24\"]\n")
	c.refused("bantam switch /tmp/port.toml", "net.eth9: this machine has no port eth9, it has eth0, lo", "optional = true")
	c.write("/tmp/module.toml", "modules = [\"zfs\"]\n")
	c.refused("bantam switch /tmp/module.toml", "module zfs is not in this image")
	c.refused("bantam switch /tmp/absent.toml", "/tmp/absent.toml: no such file")
	c.refused("bantam rollback", "nothing is known to have run before")
	c.refused("bantam rollback 7", "generation 7: there is none")
}

const serviceA = "[service.a]\ncommand = [\"sh\", \"-c\", \"id; exec sleep 1000\"]\nuser = \"nobody\"\n"

// twoAtOnce leads to generation 2, which has service a.
func (c *console) twoAtOnce() {
	c.t.Helper()
	c.write("/tmp/a.toml", serviceA)
	c.run("(bantam switch --confirm 10m /tmp/a.toml; echo code $?) >/tmp/a.log 2>&1 &")
	c.waitFor("cat /tmp/a.log", "`bantam confirm` within 10m0s keeps it")
	c.must("bantam switch --abort; echo code $?", "generation 2 is not kept (a person aborted it); generation 1 runs again", "code 0\n")
	c.waitFor("cat /tmp/a.log", "code 10\n")
	c.must("bantam generations", "2   interrupted")
	c.refused("bantam switch --abort", "no switch is under way")
	c.run("bantam switch --confirm 10m /tmp/a.toml >/tmp/a.log 2>&1 &")
	c.waitFor("cat /tmp/a.log", "`bantam confirm` within 10m0s keeps it")
	c.must("bantam status", "generation  2, interrupted", "under way", "switch to generation 2", "it waits for `bantam confirm`, ", "s left")
	c.refused("bantam switch /tmp/a.toml", "another switch is under way: switch to generation 2, since ")
	c.refused("bantam rollback 1", "another switch is under way: switch to generation 2, since ")
	c.must("bantam confirm; echo code $?", "confirmed", "code 0\n")
	c.waitFor("cat /tmp/a.log", "generation 2 runs and is the default")
	c.refused("bantam confirm", "bantam confirm: ")

	if ps := c.run("ps"); !regexp.MustCompile(`(?m) nobody .* sleep 1000$`).MatchString(ps) {
		c.t.Errorf("service a is not nobody's:\n%s", ps)
	}
	c.waitFor("bantam log a", "uid=65534(nobody) gid=65534(nogroup)")

	c.write("/tmp/b.toml", "[service.b]\ncommand = [\"sleep\", \"1000\"]\n")
	c.must("bantam switch --confirm 2s /tmp/b.toml; echo code $?", "nobody confirmed it within 2s", "generation 2 runs again", "code 10\n")
	c.must("bantam generations", "bad")
	if a := c.row("a"); !strings.Contains(a, "ready") {
		c.t.Errorf("after the way back: %s", a)
	}

	// The console of the switch asks by itself.
	for _, said := range []struct{ key, outcome string }{{"n", "a person aborted it"}, {"\r", "generation 3 runs and is the default"}} {
		c.Send("bantam switch --confirm 10m /tmp/b.toml\r")
		c.Expect(`Enter or y keeps it, n goes back`)
		c.Expect(`\r59\d s$`)
		c.Send(said.key)
		c.Expect(said.outcome)
		c.prompt()
	}
	c.must("bantam switch /tmp/a.toml; echo code $?", "code 0\n")
}

// lostTerminal leads to generation 4, which has service slow beside a.
func (c *console) lostTerminal() {
	c.t.Helper()
	c.write("/tmp/slow.toml", serviceA+"[service.slow]\ncommand = [\"sh\", \"-c\", \"sleep 3; echo >&3; exec sleep 1000\"]\nready = \"notify\"\n")
	c.run("(until bantam status | grep -q 'under way .*generation 4'; do sleep 0.1; done; kill -HUP $$) &")
	c.Send("bantam switch /tmp/slow.toml\r")
	c.Expect("on bantam, ttyS0") // the greeting of the next shell
	c.prompt()
	c.waitFor("bantam status", "last switch generation 4 runs and is the default")
	c.must("bantam generations", "running, default")
	if slow := c.row("slow"); !strings.Contains(slow, "ready") {
		c.t.Errorf("after the switch that lost its terminal: %s", slow)
	}

	// Ctrl-C ends the watching, not the switch, which would wait for ever.
	c.Send("bantam switch --confirm 24h /tmp/a.toml\r")
	c.Expect("stop service slow")
	c.Send("\x03")
	c.Expect("The switch goes on; `bantam status` tells how it ends, `bantam switch --abort` goes back")
	c.prompt()
	c.waitFor("bantam confirm; echo code $?", "code 0\n")
	c.waitFor("bantam status", "last switch generation 2 runs and is the default")
}

// generationVerbs looks at what is there, and ends where it began, in generation 2.
func (c *console) generationVerbs() {
	c.t.Helper()
	c.must("bantam show 4", "[service.slow]")
	c.must("bantam show > /tmp/shown; cmp /tmp/shown /run/bantam/system.toml; echo code $?", "code 0\n")
	c.must("bantam generations pin 4; bantam generations label 4 before lunch; bantam generations", "4   good", `"before lunch" previous, pinned`)
	c.refused("bantam generations delete 4", "generation 4 stays: it is pinned")
	c.must("bantam generations show 4", "generation  4, good, previous, pinned", "before lunch", "Against generation 2, which runs:", "service.slow")
	c.must("bantam gc --dry-run; echo code $?", "would remove 0 generations: 0 bytes in 0 blobs", "code 0\n")
	c.must("bantam test 4; echo code $?", "generation 4 runs until the next boot", "code 0\n")
	c.must("bantam rollback --to-good; echo code $?", "generation 2 runs and is the default", "code 0\n")
	c.must("bantam switch --json 4 | tail -n 1", `"verb":"switch"`, `"to":4`, `"exit":0`)
	c.must("bantam generations unpin 4; bantam switch 2; echo code $?", "generation 2 runs and is the default", "code 0\n")
}

// failingServices leads to generation 6, in which loop fails for ever and a is stopped by hand.
func (c *console) failingServices() {
	c.t.Helper()
	// It never says that it is ready: for how long it would be depends on the host.
	const loop = "[service.loop]\ncommand = [\"sh\", \"-c\", \"echo no luck; exit 3\"]\nready = \"notify\"\n"
	const dependent = "[service.dependent]\ncommand = [\"sleep\", \"1000\"]\nneeds = [\"loop\"]\n"
	before := c.row("a")
	c.write("/tmp/strict.toml", strings.ReplaceAll(serviceA+loop+dependent, "loop", "brittle"))
	c.must("bantam switch /tmp/strict.toml; echo code $?", "no luck", "service brittle: exit status 3", "generation 2 runs again", "code 10\n")
	if after := c.row("a"); strings.Fields(after)[2] != strings.Fields(before)[2] {
		c.t.Errorf("a was not to be touched: %s, then %s", before, after)
	}

	c.must("bantam generations show 5", "generation  5, bad", "service brittle: exit status 3", "brittle: no luck")

	c.run("bantam service stop a")
	c.write("/tmp/lax.toml", strings.Replace(serviceA, "1000", "2000", 1)+loop+"may_fail = true\n"+dependent+"may_fail = true\n")
	c.must("bantam switch /tmp/lax.toml; echo code $?", "service a was stopped by hand and stays stopped",
		"service loop, which may fail: ", "service dependent, which may fail: waits for loop", "code 0\n")
	if a := c.row("a"); !strings.Contains(a, "down") || !strings.Contains(a, "stopped by hand") {
		c.t.Errorf("stopped by hand before the switch: %s", a)
	}
	c.waitFor("bantam service list | grep dependent", "waits for loop") // between two tries of loop
	var waits []time.Duration
	for range 60 {
		waits = nil
		for _, again := range regexp.MustCompile(`exit status 3; again in (\S+)\]`).FindAllStringSubmatch(c.run("bantam log loop"), -1) {
			d, err := time.ParseDuration(again[1])
			if err != nil {
				c.t.Fatal(err)
			}
			waits = append(waits, d)
		}
		if len(waits) >= 5 {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if len(waits) < 5 || !slices.IsSorted(waits) || waits[4] < 4*waits[0] {
		c.t.Errorf("waits between the starts of a service that fails: %v, want longer ones each time", waits)
	}
	if l := c.row("loop"); !strings.Contains(l, "crash-looping") {
		c.t.Errorf("a service that went down five times: %s", l)
	}
	c.must("bantam service >/dev/null; echo code $?", "code 0\n") // it may fail
	c.run("bantam service start a")
	if a := c.row("a"); !strings.Contains(a, "ready") {
		c.t.Errorf("started by hand: %s", a)
	}
}

// files are a service's configuration, and belong to its generation.
func (c *console) files() {
	c.t.Helper()
	const text = `[user.cat]
uid = 1000
[file."/etc/cat/conf"]
text = "%s\n"
mode = "0600"
owner = "cat"
[service.cat]
command = ["sh", "-c", "cat /etc/cat/conf; exec sleep 1000"]
user = "cat"
`
	c.write("/tmp/one.toml", fmt.Sprintf(text, "meow one"))
	c.write("/tmp/two.toml", fmt.Sprintf(text, "meow two"))
	c.must("bantam switch /tmp/one.toml; echo code $?", "write file /etc/cat/conf", "code 0\n")
	c.must("ls -l /etc/cat/conf", "-rw------- 1 cat cat")
	c.waitFor("bantam log cat", "meow one")
	c.must("bantam plan /tmp/two.toml", "! stop service cat", "write file /etc/cat/conf", `file."/etc/cat/conf".text: "meow one\n" -> "meow two\n"`)
	c.must("bantam switch /tmp/two.toml; echo code $?", "code 0\n")
	c.waitFor("bantam log cat", "meow two")
	c.run("echo mine > /etc/cat/conf")
	c.must("bantam plan /tmp/two.toml", "write file /etc/cat/conf  somebody has changed it")
	c.must("bantam switch /tmp/two.toml; cat /etc/cat/conf", "meow two")
	c.must("bantam rollback; cat /etc/cat/conf", "meow one")
	c.run("echo '192.0.2.1 evil' >> /etc/hosts; echo 'evil:x:0:0::/:/bin/sh' >> /etc/passwd")
	c.must("bantam plan", "remove user evil", "and somebody has changed /etc/hosts")
	c.must("bantam switch /run/bantam/system.toml; grep evil /etc/hosts /etc/passwd; echo code $?", "code 1\n")
	c.must("bantam plan /run/bantam/system.toml", "nothing to do")
	c.run("rm -r /etc/cat; ln -s /state /etc/cat")
	c.must("bantam switch /tmp/two.toml; echo code $?", "remove file /etc/cat\n", "write file /etc/cat/conf", "code 0\n")
	c.must("ls -d /state/conf; test -L /etc/cat; echo code $?; cat /etc/cat/conf", "no such file", "code 1\nmeow two") // nothing went through the link
	c.write("/tmp/a.toml", serviceA)
	c.must("bantam switch /tmp/a.toml; ls /etc/cat | wc -l", "remove file /etc/cat/conf", "0\n")
}

func (c *console) fullVolume() {
	c.t.Helper()
	c.must("dd if=/dev/zero of=/state/mine bs=1M", "no space left on device")
	c.write("/tmp/new.toml", "[service.new]\ncommand = [\"sleep\", \"1\"]\n")
	c.run("bantam service stop loop") // so that its process does not change meanwhile
	c.refused("bantam switch /tmp/new.toml", "the state volume /state is full: 0 kB free")
	c.must("bantam status", "last switch refused, nothing was changed: the state volume /state is full")
	c.must("bantam switch /tmp/a.toml; echo code $?", "generation 2 runs and is the default", "code 0\n") // it is there already
	c.must("ls -l /state/mine")
	c.run("rm /state/mine")
	c.must("cat /run/bantam/system.toml", "sleep 1000")
}

// damages are how a blob may be lost; %[1]s is its path.
var damages = map[string]string{
	"missing": "mv %[1]s /tmp/blob",
	"corrupt": "cp %[1]s /tmp/blob; printf X | dd of=%[1]s conv=notrunc bs=1 seek=3; sync",
}

// damagedStore damages generation 4, then the default, 2, and resets the machine.
func (c *console) damagedStore() {
	c.t.Helper()
	slow := c.blob("/tmp/slow.toml")
	for says, damage := range damages {
		c.run(fmt.Sprintf(damage, "/state/store/blobs/sha256/"+slow))
		c.refused("bantam rollback 4", "generation 4: its system.toml: blob is "+says+": sha256:"+slow)
		c.run("cp /tmp/blob /state/store/blobs/sha256/" + slow)
	}
	a := c.blob("/tmp/a.toml")
	corrupt := fmt.Sprintf(damages["corrupt"], "/state/store/blobs/sha256/"+a)
	c.run(corrupt)
	c.must("bantam switch /tmp/slow.toml; echo code $?", "generation 2 is damaged on the state volume and will be written there again", "code 0\n")
	c.must("bantam switch 6 && bantam switch 2; echo code $?", "generation 2 runs and is the default", "code 0\n")

	c.run(corrupt)
	c.Reset()
	told := "generation 2 cannot run: its system.toml: blob is corrupt: sha256:" + a
	before := len(c.Screen())
	c.booted()
	if greeting := c.Screen()[before:]; !strings.Contains(greeting, told) {
		c.t.Errorf("the greeting does not tell that the default is damaged")
	}
	c.settled()
	if status := c.must("bantam status", "generation  6, good", told); strings.Contains(status, "next boot") {
		c.t.Errorf("the next boot runs what this one does, because the default cannot:\n%s", status)
	}
	c.must("bantam generations show 5", "brittle: no luck") // from before the reset
	c.must("bantam rollback 4; echo code $?", "generation 4 runs and is the default", "code 0\n")
}

const greedy = `[service.greedy]
command = ["sh", "-c", "x=x; while true; do x=$x$x; done"]
user = "nobody"
memory = "32M"
may_fail = true
[service.web]
command = ["sh", "-c", "grep Cap /proc/self/status; exec sleep 1000"]
user = "nobody"
capabilities = ["net_bind_service"]
tasks = 100
[service.rootless]
command = ["sh", "-c", "grep Cap /proc/self/status; exec sleep 1000"]
capabilities = []
[sysctl]
net.ipv4.ip_forward = 1
kernel.sysrq = 1
[check.user]
command = ["sh", "-c", "test $(id -u) = 65534"]
user = "nobody"
`

// parameters are a default, two that greedy sets, and one that the kernel changes with the first of them.
const parameters = "cd /proc/sys; echo $(cat kernel/dmesg_restrict net/ipv4/ip_forward kernel/sysrq net/ipv4/conf/all/accept_redirects); cd"

// boundServices leads to a generation with services that have limits and rights of their own.
func (c *console) boundServices() {
	c.t.Helper()
	c.write("/tmp/greedy.toml", greedy)
	c.must("bantam check /tmp/greedy.toml; echo code $?", "no faults", "code 0\n")
	c.must("bantam switch /tmp/greedy.toml; echo code $?", "code 0\n")
	c.waitFor("bantam service list", "killed: out of memory")
	c.must("dmesg", "Memory cgroup out of memory")
	for service, set := range map[string]string{"web": "0000000000000400", "rootless": "0000000000000000"} {
		c.waitFor("bantam log "+service, "CapAmb") // the last of them
		log := c.run("bantam log " + service)
		for _, kind := range []string{"CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if !regexp.MustCompile(kind + `:\W*(\\t)?` + set).MatchString(log) {
				c.t.Errorf("%s of service %s is not %s:\n%s", kind, service, set, log)
			}
		}
	}
	c.must("cat /sys/fs/cgroup/bantam/services/web/pids.max", "100\n")
	c.must(parameters, "1 1 1 0\n")
	for _, file := range []string{"memory.max", "pids.max"} { // of all services
		if got := strings.TrimSpace(c.run("cat /sys/fs/cgroup/bantam/services/" + file)); got == "max" || got == "" {
			c.t.Errorf("%s of all services is %q", file, got)
		}
	}
	if status := c.run("bantam status"); strings.Contains(status, "controller") {
		c.t.Errorf("this kernel has all controllers:\n%s", status)
	}
}

// forkBomb lets a service start as much as it can. Verbs are answered all the same,
// and the machine is not reset.
func (c *console) forkBomb() {
	c.t.Helper()
	boot := c.run("cat /proc/sys/kernel/random/boot_id")
	c.write("/run/bomb", "while true; do sh /run/bomb & done\n")
	c.write("/tmp/bomb.toml", serviceA+"[service.bomb]\ncommand = [\"sh\", \"/run/bomb\"]\nuser = \"nobody\"\nmemory = \"192M\"\nmay_fail = true\n")
	c.must("bantam switch /tmp/bomb.toml; echo code $?", "start service bomb", "code 0\n")
	c.waitFor("cd /sys/fs/cgroup/bantam/services/bomb && grep -Ev ' 0$' pids.events memory.events; cd", "max ")
	c.must("bantam status", "bomb")
	c.must(parameters, "1 0 16 0\n") // the defaults are back
	c.must("bantam service restart a; echo code $?", "code 0\n")
	c.run("bantam service stop bomb") // which calls it unkillable where killing all of it takes more than 5 s
	c.waitFor("bantam service list | grep '^bomb .*down'", "stopped by hand")
	if now := c.run("cat /proc/sys/kernel/random/boot_id"); now != boot {
		c.t.Errorf("the machine was reset: boot %s, then %s", boot, now)
	}
}

// blob is the hex digest of a file.
func (c *console) blob(file string) string {
	c.t.Helper()
	sum := strings.Fields(c.run("sha256sum " + file))
	if len(sum) != 2 || len(sum[0]) != 2*sha256.Size {
		c.t.Fatalf("sha256sum %s: %q", file, sum)
	}
	return sum[0]
}
