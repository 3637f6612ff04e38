package control

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestNetDNSTellsHowTheForwarderIs(t *testing.T) {
	defer func(real string) { dnsPath = real }(dnsPath)
	dnsPath = filepath.Join(t.TempDir(), "dns")
	socket := answering(t, nil, func(Request) Frame { return Frame{} })
	if code, _, errs := runVerb(socket, "net", "dns"); code != ExitError || !strings.Contains(errs, "no DNS forwarder runs here") {
		t.Errorf("where none runs: code %d: %s", code, errs)
	}
	l, err := net.Listen("unix", dnsPath)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	says := make(chan string, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte(<-says))
			c.Close()
		}
	}()
	const status = `{"servers":[{"server":"9.9.9.9","state":"answers","asked":7,"answered":6,"took":12345678},
		{"server":"10.1.0.53","zone":"corp.example","state":"down","why":"it does not\u001b[2J answer"}],
		"nets":["lan","lo"],"domain":"lan","hosts":3,"cache":{"entries":5,"bytes":2048,"max_entries":4000,"max_bytes":1048576},"counts":{"questions":10,"cached":3,"rebind":1}}`
	for _, c := range []struct {
		args, says, want string
		code             int
	}{
		{"net dns", status, "all           9.9.9.9    answers  7      6         12.3ms", ExitGood},
		{"net dns", status, "corp.example  10.1.0.53  down     0      0         -       it does not\\x1b[2J answer", ExitGood},
		{"net dns", status, "5 answers of at most 4000, 2 kB of at most 1024", ExitGood},
		{"net dns", status, "1 answered with a private address", ExitGood},
		{"net dns --json", status, `"max_entries": 4000`, ExitGood},
		{"net dns", "{", "does not tell how it is", ExitError},
		{"net dns", strings.Repeat(" ", 2<<20), "does not tell how it is", ExitError},
	} {
		says <- c.says
		code, text, errs := runVerb(socket, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(text+errs, c.want) {
			t.Errorf("%s: code %d, want %q in\n%s%s", c.args, code, c.want, text, errs)
		}
	}
	if code, _, _ := runVerb(socket, "net", "dns", "x"); code != ExitUsage {
		t.Errorf("too much: code %d", code)
	}
}
