package test

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// broker says what it got of its secrets by their digests, and writes down as whom it was started.
const broker = `[user.broker]
uid = %d
[file."/etc/broker.key"]
text = { secret = "broker.key" }
owner = "broker"
[service.broker]
command = ["sh", "-c", "id -u >> starts; printf '%%s' \"$PASSWORD\" | sha256sum; sha256sum < /etc/broker.key; exec sleep 1000"]
user = "broker"
dir = "/var/lib/broker"
state = ["/var/lib/broker"]
env = { PASSWORD = { secret = "broker-password" } }
`

// secrets sets one by hand, which nobody sees but the service that uses it, and keeps a folder over all that may befall it.
func (c *console) secrets() {
	c.t.Helper()
	sum := func(value string) string { return fmt.Sprintf("%x  -", sha256.Sum256([]byte(value))) }
	const first, second, shown = "correct-horse", "battery-staple", `correct[-]horse\|battery[-]staple`
	c.write("/tmp/broker.toml", fmt.Sprintf(broker, 1000))
	c.must("bantam check /tmp/broker.toml", "remark: service.broker.env.PASSWORD: secret broker-password is not set here", "no faults")
	c.refused("bantam switch /tmp/broker.toml", "secret broker-password, which service.broker.env.PASSWORD needs, is not set: `bantam secret set broker-password`")
	c.must("bantam plan /tmp/broker.toml; echo code $?", "a switch would be refused: secret broker.key", "code 1\n")

	c.must("bantam secret set broker.key "+"word; echo code $?", "the value comes from standard input", "code 2\n")
	key := strings.Repeat("key\n", 5000)
	c.must("for i in $(seq 5000); do echo key; done | bantam secret set broker.key", "secret broker.key is set; what runs does not use it")
	c.setSecret("broker-password", first)
	c.must("bantam switch /tmp/broker.toml; echo code $?", "mount state /var/lib/broker", "write file /etc/broker.key", "start service broker", "code 0\n")
	told := func(password string) {
		c.t.Helper()
		c.waitFor("bantam log broker", sum(key)) // it says this last
		c.must("bantam log broker", sum(password))
	}
	told(first)
	c.must("ls -ld /var/lib/broker /etc/broker.key /state/secrets /state/secrets/broker-password", "drwx------ 2 broker broker", "-rw------- 1 broker broker", "drwx------ 2 root   root", "-rw------- 1 root   root")
	c.must("bantam secret list", "broker-password", "service broker", "file /etc/broker.key")
	c.must("bantam state", "/var/lib/broker", "broker  service broker")
	c.must("bantam plan /tmp/broker.toml", "nothing to do")

	c.setSecret("broker-password", second)
	c.must("bantam plan /tmp/broker.toml", "! stop service broker   secret broker-password has changed")
	c.must("bantam switch /tmp/broker.toml; echo code $?", "code 0\n")
	c.waitFor("bantam log broker", sum(second))
	c.write("/tmp/other.toml", fmt.Sprintf(broker, 1001))
	c.must("bantam switch /tmp/other.toml; echo code $?", "give state /var/lib/broker to broker", "code 0\n")
	c.must("stat -c '%u %n' /var/lib/broker /var/lib/broker/starts; cat /var/lib/broker/starts", "1001 /var/lib/broker\n1001 /var/lib/broker/starts\n1000\n1000\n1001\n")
	c.must("bantam rollback; echo code $?", "give state /var/lib/broker to broker", "code 0\n")
	c.run("sync")
	c.Reset()
	c.booted()
	c.settled()
	if got := c.run("bantam status"); strings.Contains(got, "note") {
		c.t.Errorf("the machine is not as it was:\n%s", got)
	}
	told(second)
	c.must("stat -c '%u %n' /var/lib/broker/starts; cat /var/lib/broker/starts", "1000 /var/lib/broker/starts\n1000\n1000\n1001\n1000\n1000\n")
	c.must("grep state/services /proc/self/mountinfo; grep -c ' /var/lib/broker ' /proc/mounts", "1\n")

	// Nowhere but where it belongs.
	if got := c.run("grep -rl '" + shown + "' /state /run /etc /var /root /tmp /bantam"); got != "/state/secrets/broker-password\n" {
		c.t.Errorf("a secret's value is in\n%s", got)
	}
	c.must("(dmesg; bantam log; bantam status --json; bantam plan; bantam generations show; bantam secret list --json) > /tmp/said; wc -l /tmp/said; grep -c '"+shown+"' /tmp/said", "\n0\n")
	for _, value := range []string{first, second} {
		if strings.Contains(c.Screen(), value) {
			c.t.Errorf("%q was shown", value)
		}
	}

	c.write("/tmp/a.toml", serviceA)
	c.must("bantam switch /tmp/a.toml; echo code $?", "unmount state /var/lib/broker", "`bantam state remove /var/lib/broker` removes it", "code 0\n")
	c.must("ls /var/lib/broker | wc -l; ls /etc/broker.key", "0\n", "no such file")
	c.must("bantam state", "left; nothing that runs uses it")
	c.must("bantam state remove --yes /var/lib/broker; ls -A /state/services | wc -l", "/var/lib/broker is removed", "0\n")
	c.must("bantam secret remove broker.key; bantam secret remove broker-password; bantam secret list", "none")
}

// setSecret types a value as a person does.
func (c *console) setSecret(name, value string) {
	c.t.Helper()
	c.Send("bantam secret set " + name + "\r")
	c.Expect(`not shown\): $`)
	c.Send(value + "\r")
	c.Expect("secret " + name + " is set")
	c.prompt()
}
