package pppoe

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestWhatPppdIsTold(t *testing.T) {
	for name, c := range map[string]Config{
		"usual": {Link: "wan", Port: "eth0", User: "me@isp", MTU: 1492, IPv4: true, IPv6: true},
		"ipv6":  {Link: "ppp0", Port: "eth0.7", User: "me@isp", MTU: 1500, IPv6: true},
		"odd": {Link: "w#n", Port: "e 'th", User: "a\"b\\\n#password \"x\"\x00\xff", Service: "one two", Concentrator: "-x\t",
			MTU: 1492, IPv4: true},
	} {
		file := filepath.Join("testdata", name+".golden")
		got := []byte(c.Options("it's \"s3cr3t\" \\ #\nplugin evil.so", "/bin/told", "/run/x"))
		if *update {
			os.WriteFile(file, got, 0o644)
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %v: got\n%s\nwant\n%s", name, err, got, want)
		}
		for line := range strings.Lines(string(got)) {
			if strings.HasPrefix(line, "plugin") && line != "plugin pppoe.so\n" || strings.ContainsAny(line, "#\x00\xff'") {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}

// pppd itself reads what it is told, where it is installed: it prints what it has understood. No session is opened.
func TestPppdReadsTheOptionsAsTheyAreMeant(t *testing.T) {
	pppd, err := exec.LookPath("pppd")
	if err != nil {
		t.Skip("no pppd: apt-get install ppp")
	}
	dir := t.TempDir()
	c := Config{Link: "wan", Port: "eth0", User: `a "b" \ 'c' #d`, Service: "one two", Concentrator: "BRAS-1", MTU: 1492, IPv4: true, IPv6: true}
	options := strings.NewReplacer("plugin pppoe.so\n", "", "nic-\"eth0\"\n", "pty true\n", "pppoe-service", "#", "pppoe-ac", "#").Replace(c.Options("x", "/bin/told", "/run/x"))
	file := filepath.Join(dir, "options")
	if err := os.WriteFile(file, []byte(options+"dump\ndryrun\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// It asks whether the kernel knows PPP by opening a file, which another one may stand for.
	out, err := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && touch /dev/ppp && exec "+pppd+" file "+file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{`user a \"b\" \\ 'c' #d`, "ifname wan", "mru 1492", "usepeerdns", "+ipv6", "ipparam /run/x"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestWhyASessionEnded(t *testing.T) {
	for _, c := range []struct {
		name    string
		lines   []string
		status  int
		want    string
		refused bool
	}{
		{"nobody", []string{"Timeout waiting for PADO packets", "Unable to complete PPPoE Discovery"}, 1, "no provider answers there (no PADO)", false},
		{"silent", []string{"Timeout waiting for PADS packets"}, 1, "a provider answers there, and then opens no session (no PADS)", false},
		{"no such service", []string{"PADS: Service-Name-Error: no such thing"}, 1, "the provider does not have this service: no such thing", false},
		{"chap", []string{"CHAP authentication failed: E=691 R=1", "LCP terminated by peer (Authentication failed)", "Connection terminated.", "Modem hangup"}, 19,
			"the provider refuses user or password (CHAP): E=691 R=1", true},
		{"chap, said late", []string{"LCP terminated by peer (bye)", "CHAP authentication failed"}, 19, "the provider refuses user or password (CHAP)", true},
		{"pap", []string{"PAP authentication failed"}, 19, "the provider refuses user or password (PAP)", true},
		{"a terminal is not commanded", []string{"CHAP authentication failed: \x1b[2J"}, 19, `the provider refuses user or password (CHAP): \x1b[2J`, true},
		{"much is cut", []string{"LCP terminated by peer (" + strings.Repeat("x", 300) + ")"}, 16, "the provider ended the session: " + strings.Repeat("x", mostMore), false},
		{"dead", []string{"No response to 4 echo-requests", "Serial link appears to be disconnected."}, 15, "the provider does not answer any more", false},
		{"hung up", []string{"Modem hangup"}, 16, "the provider closed the session", false},
		{"by status alone", nil, 19, "the provider refuses user or password", true},
		{"without a kernel", []string{"Sorry - this system lacks PPP kernel support"}, 4, "the kernel does not know PPP: module pppoe of the board's kernel is missing", false},
		{"unknown", []string{"Using interface ppp0"}, 99, "pppd ended with status 99", false},
		{"killed", nil, -9, "pppd was killed (signal 9)", false},
	} {
		var l Listener
		for _, line := range c.lines {
			l.Hear(line)
		}
		if got := l.Ended(c.status); got.Text != c.want || got.Refused != c.refused {
			t.Errorf("%s: %q, refused %v", c.name, got.Text, got.Refused)
		}
	}
}

func TestWhatPppdTellsItsScript(t *testing.T) {
	env := map[string]string{"DNS1": "203.0.113.53", "DNS2": "203.0.113.53"}
	args := []string{"wan", "/dev/ttyS0", "0", "10.9.9.100", "10.9.9.1", "/run/x"}
	f, channel, err := FromScript(args, func(name string) string { return env[name] })
	if err != nil || channel != "/run/x" || f.Local.String() != "10.9.9.100" || f.Remote.String() != "10.9.9.1" || len(f.DNS) != 1 {
		t.Errorf("%+v %q %v", f, channel, err)
	}
	env["DNS1"], env["DNS2"] = "0.0.0.0\nnameserver 1.1.1.1", "224.0.0.1"
	if f, _, err = FromScript(args, func(name string) string { return env[name] }); err != nil || len(f.DNS) != 0 {
		t.Errorf("%+v %v", f, err)
	}
	for _, address := range []string{"", "0.0.0.0", "127.0.0.1", "224.0.0.1", "::1", "10.0.0.1/8", "x"} {
		bad := append([]string(nil), args...)
		bad[3] = address
		if _, _, err := FromScript(bad, os.Getenv); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, _, err := FromScript(args[1:], os.Getenv); err == nil {
		t.Error("five arguments are taken")
	}
}
