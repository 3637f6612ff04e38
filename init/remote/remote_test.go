package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/boottime"
	"bantam/init/admission"
	"bantam/init/sshline"
)

func TestASessionIsItsUsers(t *testing.T) {
	l := newLab(t)
	c := l.dial(l.set(Config{Addresses: []netip.Addr{local}, Accounts: people}), "127.0.0.1")
	if text := c.login("ann", "SHA256:anns-other"); text != "" {
		t.Fatal(text)
	}
	out, end := c.run(sshline.Open{Kind: sshline.Command, Env: map[string]string{"LANG": "C.UTF-8", "LD_PRELOAD": "x", "LC_A=B": "y"},
		Command: []byte(`read word; echo $word $(id -u) $(id -g) $(id -G) $PWD $HOME $USER $LOGNAME $SHELL $LANG ${LD_PRELOAD-none} ${SSH_CONNECTION% *}; echo errors >&2; exit 3`)})
	want := "typed 70001 70002 70002 70003 /usr /usr ann ann /bin/sh C.UTF-8 none 127.0.0.1 "
	if !strings.HasPrefix(out[0], want) || out[1] != "errors\n" || end.Status != 3 || end.Error != "" {
		t.Errorf("got %v, %+v, want %q", out, end, want)
	}
	if _, end = c.run(sshline.Open{Kind: sshline.Command, Command: []byte("kill -TERM $$")}); end.Signal != "TERM" {
		t.Errorf("killed: %+v", end)
	}
	if out, _ = c.run(sshline.Open{Kind: sshline.SFTP}); out[0] != "typed\n" { // the lab's is cat
		t.Errorf("sftp: %v", out)
	}
	out, end = c.run(sshline.Open{Kind: sshline.Command, Terminal: "xterm", Rows: 33, Columns: 111, Command: []byte("stty size; tty; echo $TERM $SSH_TTY; ls -ln $(tty)")})
	if f := strings.Fields(out[0]); len(f) < 12 || strings.Join(f[:2], " ") != "33 111" || !strings.HasPrefix(f[2], "/dev/pts/") || f[3] != "xterm" || f[4] != f[2] || f[7] != "70001" || end.Status != 0 {
		t.Errorf("a terminal: %v, %+v", out, end)
	}
	b := l.dial(l.s.config.Port, "127.0.0.1")
	if text := b.login("bob", "SHA256:bob"); text != "" {
		t.Fatal(text)
	}
	if out, _ := b.run(sshline.Open{Kind: sshline.Command, Command: []byte("pwd")}); out[0] != "/\n" {
		t.Errorf("a home that is not there: %q", out[0])
	}
	var users []string
	for _, s := range l.s.Sessions() {
		users = append(users, s.User)
	}
	if !slices.Equal(users, []string{"ann", "bob"}) {
		t.Errorf("logged in: %v", users)
	}
}

func TestTheProcessOfAConnectionHasNoRights(t *testing.T) {
	l := newLab(t)
	port := l.set(Config{Addresses: []netip.Addr{local}, Accounts: people})
	a, b := l.dial(port, "127.0.0.1"), l.dial(port, "127.0.0.1")
	for i, c := range []*client{a, b} {
		uid := fmt.Sprint(firstUser + i)
		for _, want := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Uid:\t" + uid + "\t" + uid, "Groups:\t \n"} {
			if !strings.Contains(c.who, want) {
				t.Errorf("process %d has not %q:\n%s", i, want, c.who)
			}
		}
	}
	if a.ask(sshline.Request{Sign: make([]byte, 65)}).Error == "" {
		t.Error("it may sign more than a hash")
	}
	if got := a.ask(sshline.Request{Sign: []byte("hash")}).Signature; string(got) != "signed hash" {
		t.Errorf("signature: %q", got)
	}
}

func TestWhatAProcessSaysIsNotBelieved(t *testing.T) {
	l := newLab(t)
	port := l.set(Config{Addresses: []netip.Addr{local}, Accounts: people})
	c := l.dial(port, "127.0.0.1")
	open := sshline.Request{Open: &sshline.Open{Kind: sshline.Command, Command: []byte("true")}}
	for _, tt := range []struct {
		r    sshline.Request
		want string
	}{
		{open, "nobody is logged in"},
		{sshline.Request{Login: &sshline.Login{User: "ann", Key: "SHA256:bob"}}, "does not open"},
		{sshline.Request{Login: &sshline.Login{User: "root", Key: "SHA256:ann"}}, "does not open"},
		{sshline.Request{Login: &sshline.Login{}}, "does not open"},
		{sshline.Request{Login: &sshline.Login{User: "ann", Key: "SHA256:ann"}}, ""},
		{sshline.Request{Login: &sshline.Login{User: "bob", Key: "SHA256:bob"}}, "logged in already"},
		{sshline.Request{Open: &sshline.Open{Kind: sshline.Forward, Host: "localhost", Port: 1}}, "not allowed"},
		{sshline.Request{Open: &sshline.Open{Kind: "root shell"}}, "no such kind"},
		{sshline.Request{Open: &sshline.Open{Kind: sshline.Command, Command: []byte("a\x00b")}}, "no program"},
	} {
		if got := c.ask(tt.r).Error; got != tt.want && (tt.want == "" || !strings.Contains(got, tt.want)) {
			t.Errorf("%+v: got %q, want %q", tt.r, got, tt.want)
		}
	}
	c.id--
	if got := c.ask(open).Error; !strings.Contains(got, "was used") {
		t.Errorf("a number twice: %q", got)
	}
	fmt.Fprintln(c.c, `"garbage"`)
	c.over() // it is killed
}

func TestWhoseKeyIsGoneHasToLeave(t *testing.T) {
	l := newLab(t)
	config := Config{Addresses: []netip.Addr{local}, Accounts: people}
	config.Port = l.set(config)
	a, other, b := l.dial(config.Port, "127.0.0.1"), l.dial(config.Port, "127.0.0.1"), l.dial(config.Port, "127.0.0.1")
	if a.login("ann", "SHA256:ann") != "" || other.login("ann", "SHA256:anns-other") != "" || b.login("bob", "SHA256:bob") != "" {
		t.Fatal("not logged in")
	}
	marks := t.TempDir()
	os.Chmod(marks, 0o777)
	os.Chmod(filepath.Dir(marks), 0o755)
	id := a.send(sshline.Request{Open: &sshline.Open{Kind: sshline.Command, Command: []byte("exec 2>/dev/null; trap 'echo hung up > " + marks + "/hup; exit' HUP; echo >" + marks + "/begun; while :; do sleep 0.02; done")}})
	await(t, marks+"/begun", "\n")
	less := ann
	less.Keys = ann.Keys[1:]
	config.Accounts = map[string]Account{"ann": less, "bob": bob}
	if err := l.s.Set(config); err != nil {
		t.Fatal(err)
	}
	if why := a.over(); !strings.Contains(why, "key") {
		t.Errorf("session %d was told %q", id, why)
	}
	await(t, marks+"/hup", "hung up\n")
	for _, c := range []*client{other, b} {
		if out, _ := c.run(sshline.Open{Kind: sshline.Command, Command: []byte("echo here")}); out[0] != "here\n" {
			t.Errorf("another one: %v", out)
		}
	}
	config.Accounts = nil
	if err := l.s.Set(config); err != nil {
		t.Fatal(err)
	}
	other.over()
	b.over()
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", config.Port)); err == nil {
		t.Error("it listens though nobody may come")
	}
}

// await waits until a file has that text.
func await(t *testing.T, path, want string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if text, _ := os.ReadFile(path); string(text) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not %q", path, want)
		}
	}
}

// An editor below a shell: the shell ends at once, and the editor has what was typed to save.
func TestWhatASessionLeavesBehindHasTimeToSave(t *testing.T) {
	l := newLab(t)
	c := l.dial(l.set(Config{Addresses: []netip.Addr{local}, Accounts: people}), "127.0.0.1")
	if text := c.login("ann", "SHA256:ann"); text != "" {
		t.Fatal(text)
	}
	marks := t.TempDir()
	os.Chmod(marks, 0o777)
	os.Chmod(filepath.Dir(marks), 0o755)
	c.send(sshline.Request{Open: &sshline.Open{Kind: sshline.Command, Command: []byte(
		"exec 2>/dev/null; (trap 'sleep 0.3; echo saved >" + marks + "/saved; exit' HUP; echo >" + marks + "/begun; while :; do sleep 0.02; done) & wait")}})
	await(t, marks+"/begun", "\n")
	c.c.Close()
	await(t, marks+"/saved", "saved\n")
}

func TestASessionEndsWithItsClient(t *testing.T) {
	l := newLab(t)
	port := l.set(Config{Addresses: []netip.Addr{local}, Accounts: people})
	marks := t.TempDir()
	os.Chmod(marks, 0o777)
	os.Chmod(filepath.Dir(marks), 0o755)
	for _, script := range []string{"trap 'exit' HUP;", "trap '' HUP;"} { // one that leaves, one that has to be killed
		if strings.Contains(script, "''") {
			l.s.hangUp = time.Millisecond
		}
		c := l.dial(port, "127.0.0.1")
		if text := c.login("ann", "SHA256:ann"); text != "" {
			t.Fatal(text)
		}
		pid := filepath.Join(marks, "pid")
		os.Remove(pid)
		c.send(sshline.Request{Open: &sshline.Open{Kind: sshline.Command, Command: []byte(script + " echo $$ >" + pid + ".new; mv " + pid + ".new " + pid + "; while :; do sleep 0.02; done")}})
		var text []byte
		for len(text) == 0 {
			time.Sleep(5 * time.Millisecond)
			text, _ = os.ReadFile(pid)
		}
		c.c.Close()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			var number int
			fmt.Sscan(string(text), &number)
			if syscall.Kill(number, 0) != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: process %d stays", script, number)
			}
		}
	}
}

// Whatever their process does; this one waits for ever.
func TestWhoDoesNotLogInHasToLeave(t *testing.T) {
	l := newLab(t)
	port := l.set(Config{Addresses: []netip.Addr{local}, Accounts: people})
	in := l.dial(port, "127.0.0.1")
	if text := in.login("ann", "SHA256:ann"); text != "" {
		t.Fatal(text)
	}
	l.s.grace = time.Millisecond
	if c := l.dial(port, "127.0.0.1"); c != nil {
		c.over()
	}
	if out, _ := in.run(sshline.Open{Kind: sshline.Command, Command: []byte("echo in")}); out[0] != "in\n" {
		t.Errorf("who is in: %v", out)
	}
}

func TestStrangersFromOnePlaceKeepNobodyElseOut(t *testing.T) {
	l := newLab(t)
	port := l.set(Config{Addresses: []netip.Addr{local}, Accounts: people})
	taken := 0
	var held []net.Conn
	for range 1000 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		held = append(held, c)
	}
	for _, c := range held {
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			taken++
		}
	}
	if taken != admission.StrangersFrom {
		t.Errorf("%d are spoken with", taken)
	}
	c := l.dial(port, "127.0.0.2")
	if text := c.login("ann", "SHA256:ann"); text != "" {
		t.Fatal(text)
	}
	if out, _ := c.run(sshline.Open{Kind: sshline.Command, Command: []byte("echo in")}); out[0] != "in\n" {
		t.Errorf("got %v", out)
	}
}

func TestWhatCannotBeListenedAtChangesNothing(t *testing.T) {
	l := newLab(t)
	config := Config{Addresses: []netip.Addr{local}, Accounts: people}
	port := l.set(config)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	config.Port = uint16(busy.Addr().(*net.TCPAddr).Port)
	if err := l.s.Set(config); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	if got := l.s.config.Port; got != port {
		t.Errorf("set to %d", got)
	}
	if l.dial(port, "127.0.0.1") == nil {
		t.Error("nobody answers where somebody did")
	}
	// An address that may come later.
	config.Addresses = append(config.Addresses, netip.MustParseAddr("203.0.113.9"))
	config.Port = l.set(config)
	if want := fmt.Sprintf("203.0.113.9:%d", config.Port); !slices.Contains(l.s.Listens(), want) {
		t.Errorf("listens at %v", l.s.Listens())
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		t.Error("it still listens where it did")
	}
}

func TestOnePortMovesBetweenAddresses(t *testing.T) {
	l := newLab(t)
	config := Config{Accounts: people}
	config.Port = l.set(config)
	all := fmt.Sprintf("[::]:%d", config.Port)
	one := fmt.Sprintf("127.0.0.1:%d", config.Port)
	for range 2 {
		config.Addresses = []netip.Addr{local}
		if err := l.s.Set(config); err != nil || !slices.Equal(l.s.Listens(), []string{one}) {
			t.Fatalf("to one: %v, %v", err, l.s.Listens())
		}
		if l.dial(config.Port, "127.0.0.1") == nil {
			t.Error("nobody answers at one")
		}
		config.Addresses = nil
		if err := l.s.Set(config); err != nil || len(l.s.Listens()) != 1 || l.s.Listens()[0] == one {
			t.Fatalf("to all: %v, %v, want %s", err, l.s.Listens(), all)
		}
	}
	refused := netip.MustParseAddr("192.0.2.9")
	l.s.listen = func(place netip.AddrPort) (net.Listener, error) {
		if place.Addr() == refused {
			return nil, errors.New("not there")
		}
		return listen(place)
	}
	bad := config
	bad.Addresses = []netip.Addr{local, refused}
	if err := l.s.Set(bad); err == nil || err.Error() != "listen for SSH: not there" {
		t.Errorf("an address that cannot be had: %v", err)
	}
	if l.dial(config.Port, "127.0.0.1") == nil || len(l.s.Listens()) != 1 || l.s.config.Addresses != nil {
		t.Errorf("after that: %v, %v", l.s.Listens(), l.s.config)
	}
}

func TestAKeyThatIsNotReadyIsWaitedFor(t *testing.T) {
	l := newLab(t)
	ready := make(chan struct{})
	l.s.o.Key = fakeKey{ready}
	port := l.set(Config{Addresses: []netip.Addr{local}, Accounts: people})
	began := boottime.Now()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	close(ready)
	if err := json.NewDecoder(c).Decode(new(said)); err != nil {
		t.Errorf("after %v: %v", boottime.Now()-began, err)
	}
}
