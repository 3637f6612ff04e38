package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/test/vm"
	"bantam/yescrypt"
)

// Of anna, who is an operator and whose home lasts, and of ben, who is not and whose home does not. %s is a password's hash.
const people = `
[user.anna]
uid = 1000
groups = ["operator"]
home_in = "state"
password = "ANNA"

[user.ben]
uid = 1001
password = "BEN"

[console]
login = "password"
`

// people lets two log in at the serial line. What one of them may not do she is told, and both find the machine as everybody left it.
func (c *console) people() {
	c.t.Helper()
	c.write("/tmp/people.toml", serviceA+strings.NewReplacer("ANNA", yescrypt.New([]byte("anna's own")).String(), "BEN", yescrypt.New([]byte("ben's")).String()).Replace(people))
	c.write("/tmp/a.toml", serviceA)
	c.must("bantam switch /tmp/people.toml; echo code $?", "set user anna", "mount state /home/anna", "make home /home/ben", "set login at consoles to password",
		"who works at a console now goes on until he leaves", "code 0\n")
	c.must("stat -c '%A %U %G %n' /home/anna /home/ben /etc/shadow", "drwx------ anna anna /home/anna\ndrwx------ ben ben /home/ben\n-rw------- root root /etc/shadow\n")
	if got := c.run("dmesg | grep -c 'y[$]j'; bantam plan 1 | grep -c '[$].*[$].*[$].*[$]'"); got != "0\n0\n" {
		c.t.Errorf("a password's hash is in a log or a plan: %s", got)
	}
	c.Send("exit\r")
	c.Expect(`on bantam, ttyS0`)
	c.Expect(`bantam login: $`)
	c.refuses("root", "") // who has no password is nobody
	c.refuses("anna", "ben's")
	c.logIn("ben", "ben's")
	c.must("id; pwd; echo $HOME $LOGNAME $USER $SHELL $TERM; umask; stat -c %U /dev/ttyS0", "uid=1001(ben) gid=1001(ben) groups=1001(ben)", "/home/ben\n/home/ben ben ben /bin/sh vt102\n0022\nben\n")
	c.must("bantam status; bantam generations", "generation  ", "running, default")
	c.must("bantam switch 1; echo code $?", "user 1001 may not do this: it is for root and the group operator; groups = [\"operator\"] in", "code 1\n")
	c.must("bantam show; bantam log; bantam secret list; reboot; echo code $?", "user 1001 may not do this", "code 1\n")
	c.must("cat /etc/shadow /run/bantam/system.toml; ls /home/anna; echo code $?", "permission denied", "code 1\n")
	c.must("(sleep 1234 < /dev/ttyS0 &) ; cat /proc/self/cgroup", "console-ttyS0")
	c.Send("exit\r")
	c.Expect(`bantam login: $`)
	c.logIn("anna", "anna's own")
	if got := c.run("ps | grep -c '[s]leep 1234'; stat -c %U /dev/ttyS0"); got != "0\nanna\n" {
		c.t.Errorf("what ben left on the line: %s", got)
	}
	c.must("echo mine > note; (echo 'version = 7'; bantam show) > /tmp/hers.toml; bantam switch /tmp/hers.toml; echo code $?", "code 0\n")
	c.must("bantam edit < /dev/null > /dev/null; ls -l /state/draft; bantam draft discard; echo code $?", "code 0\n")
	c.must("bantam rollback; echo code $?", "code 0\n")
	c.must("bantam switch /tmp/a.toml; echo code $?", "set login at consoles to root", "what is in /home/anna, files of uid 1000, stays on the state volume", "code 0\n")
	c.Send("exit\r")
	c.Expect("on bantam, ttyS0")
	c.user = ""
	c.arrives()
	c.must("bantam state; bantam state remove --yes /home/anna; grep -c anna /etc/passwd /etc/shadow", "/home/anna", "/etc/passwd:0\n/etc/shadow:0\n")
}

// logIn types a name and a password, at the prompt for the name.
func (c *console) logIn(user, password string) {
	c.t.Helper()
	c.Send(user + "\r")
	c.Expect("Password: $")
	c.Send(password + "\r")
	c.user = user
	c.arrives()
}

// refuses is logIn where it leads to nothing but the prompt again.
func (c *console) refuses(user, password string) {
	c.t.Helper()
	c.Send(user + "\r")
	c.Expect("Password: $")
	c.Send(password + "\r")
	c.Expect("That is not right")
	c.Expect(`bantam login: $`)
}

// arrives waits for the prompt of a fresh shell, which may ask for the size of a line that has been hung up.
func (c *console) arrives() {
	c.t.Helper()
	if found := c.Expect(`(\x1b\[6n)|` + c.promptOf()); found[1] != "" {
		c.Send("\x1b[24;80R")
		c.prompt()
	}
}

// All passwords of a machine are lost: keys open no menu, names no session. Who can change the kernel's command line has menu, rescue
// shell and console.
func TestTheWayBackIntoAMachineWhosePasswordsAreLost(t *testing.T) {
	text := "[user.root]\npassword = \"" + yescrypt.New([]byte("lost")).String() + "\"\n[console]\nlogin = \"password\"\n"
	dir := t.TempDir()
	file := filepath.Join(dir, "system.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	g, kernel, initrd := generation(t, filepath.Join(build(t, "pc", file), "store"))
	path := filepath.Join(dir, "initrd")
	own := archive(t, map[string]string{"manifest.json": string(g.Manifest()), "system.toml": text})
	if err := os.WriteFile(path, append(initrd, own...), 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := board.Load("pc")
	if err != nil {
		t.Fatal(err)
	}
	boot := func(words string) *console {
		return &console{Machine: vm.Start(t, pc(t, bios, "-kernel", kernel, "-initrd", path, "-append", b.Cmdline+words)...), t: t, host: "bantam"}
	}
	c := boot(" bantam.menu=5")
	stop := c.typing(" ")
	c.Expect(`bantam login: `)
	stop()
	if strings.Contains(c.Screen(), "Boot menu") {
		t.Error("the menu is open to everybody")
	}
	c.Send("\r")
	c.Expect(`bantam login: $`)
	c.refuses("root", "guessed")

	c = boot(" bantam.menu=5 bantam.login=root")
	c.menu(": bantam.menu on the kernel command line", "")
	c.Send("r\r")
	c.Expect("no generation runs")
	c.booted()
	c.must("id -u", "0\n")
	c.Send("exit\r")
	c.menu(": bantam.menu on the kernel command line", "")
	c.Send("\x1b")
	c.prompt()
	c.must("bantam status", "generation  1, ")

	// What asks at a rescue shell of such a machine: root alone gets in.
	c.Send("ln -s /init /tmp/bantam-console; /tmp/bantam-console ttyS0 rescue\r")
	c.Expect(`bantam login: $`)
	c.refuses("root", "guessed")
	c.refuses("nobody", "lost")
	c.Send("root\r")
	c.Expect("Password: $")
	c.Send("lost\r")
	c.arrives()
	c.must("id -u", "0\n")
}
