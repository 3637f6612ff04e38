package test

import (
	"strings"
)

// What every user may write to. All of it but the devices is memory, bounded; the folder of the draft is there for giving its group to
// what is in it.
const openToAll = `/dev/full
/dev/null
/dev/ptmx
/dev/random
/dev/shm
/dev/tty
/dev/urandom
/dev/zero
/run/bantam/control
/run/lock
/state/draft
/tmp
`

// curious is a service of nobody that looks where it must not and then fills
// what it can; secret has something to hide.
const (
	secret  = "[service.secret]\ncommand = [\"sleep\", \"1000\"]\nenv = { TOKEN = \"hush-hush\" }\n"
	curious = `[service.curious]
command = ["sh", "/mnt/curious"]
user = "nobody"
dir = "/state/data"
ready = "exited"
start_timeout = "60s"
needs = ["secret"]
`
	curiosity = `for f in /run/bantam/system.toml /bantam/generation/system.toml /state/draft/system.toml /state/record /state/journal /state/seed; do
cat $f
done
cat /proc/[0-9]*/environ 2>/dev/null
find /state/store
echo > /evil
mkdir /state/evil
dmesg
for d in /tmp /var/tmp /run/lock /dev/shm; do dd if=/dev/zero of=$d/full bs=1M; done
echo done
exit 0
`
)

// rights ends with the generation that it found.
func (c *console) rights() {
	c.t.Helper()
	if got := c.run(`find / \( -path /proc -o -path /sys -o -path /dev/pts \) -prune -o ! -type l \( -perm -2 -o -perm /6000 \) -print | sort`); got != openToAll {
		c.t.Errorf("everybody may write to, or it is setuid:\n%s", got)
	}
	c.run("mkdir /state/data; bantam edit < /dev/null > /dev/null; cp /run/bantam/system.toml /state/draft/system.toml; chmod 644 /state/draft/system.toml")
	c.write("/mnt/curious", curiosity)
	c.write("/root/curious.toml", serviceA+secret+curious)
	c.must("bantam switch /root/curious.toml; echo code $?", "code 0\n")
	c.waitFor("bantam log curious", " done\n")
	log := c.must("bantam log curious; stat -c '%a %n' /state /state/*", " done\n", "sh: /evil: permission denied", "mkdir: /state/evil: permission denied", "dmesg: /dev/kmsg: operation not permitted",
		"711 /state\n", "755 /state/data\n", "700 /state/store\n", "2770 /state/draft\n", "600 /state/record\n", "600 /state/journal\n")
	for _, leak := range []string{"hush-hush", "hostname", "sha256", "Linux version"} {
		if strings.Contains(log, leak) {
			c.t.Errorf("nobody has read %q:\n%s", leak, log)
		}
	}
	c.must("df /tmp /run/lock /dev/shm | grep -c 100%", "3\n")
	c.must("ls -d /evil /state/evil", "ls: /evil: no such file", "ls: /state/evil: no such file")

	// What nobody has filled is not what a switch, its way back and the network need.
	c.write("/root/other.toml", serviceA+"[service.other]\ncommand = [\"false\"]\nrestart = \"never\"\n")
	c.must("bantam switch /root/other.toml; echo code $?", "runs again", "code 10\n")
	c.must("bantam rollback; echo code $?", "code 0\n")
	c.must("bantam status", "online")
	c.run("rm -r /tmp/full /run/lock/full /dev/shm/full /mnt/curious /state/data /state/draft/system.toml /root/*.toml")
}
