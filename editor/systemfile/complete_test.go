package systemfile

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// machine is a file in which places are looked at.
const machine = `hostname = "router"

[net.eth0]
addresses = ["192.168.1.2/24"]

[net.wlan0]

[[net.wlan0.routes]]
to = "default"

[user.web]
uid = 1000

[service.db]
command = ["/bin/db"]
env = { A = "b" }

[service.web]
command = ["/bin/web"]
user = "web"
needs = ["db", "cache"]
`

// places are texts with | for the cursor.
var places = []struct{ claim, text string }{
	{"an empty file may have keys and tables", "|"},
	{"at the top a word may begin a key or a table", "ho|"},
	{"below the top's keys those that are set are left out", "hostname = \"a\"\n|\n[net.eth0]\n"},
	{"a table without its brackets is offered with them", "serv|"},
	{"in a service its keys are offered that are not set yet", machine + "|"},
	{"indented as well", machine + "\t|"},
	{"above the keys of a service those below count", "[service.a]\n|\ncommand = [\"x\"]\nrestart = \"never\"\n"},
	{"a word chooses", machine + "re|"},
	{"case and separators do not matter", machine + "stopT|"},
	{"a wrong word finds the near one", machine + "stat_timeout|"},
	{"a key in front of its value is completed without another", "[service.a]\nresta| = \"never\"\n"},
	{"nothing is put in front of what stands on the line", "[service.a]\n|restart = \"never\"\n"},
	{"nothing is put into a word", "[service.a]\nre|start = \"never\"\n"},
	{"a comment behind the word is no matter", "[service.a]\nrest| # why\n"},
	{"in a table that has all its keys a new table may begin", "[user.a]\nuid = 1\ngid = 1\n|"},
	{"where no key fits a table may", "[user.a]\nuid = 1\nserv|"},
	{"in an unknown table no key is known", "[serivce.a]\n|"},
	{"in a table of names of one's own no key is known", "[service.a.env]\n|"},
	{"kernel parameters that are often wanted", "[sysctl]\nnet.ipv4.ip_forward = 1\n|"},
	{"the rest of a parameter's name", "[sysctl]\nnet.ipv4.|"},
	{"dotted keys go on", "proof.|"},
	{"dotted keys that are set are left out", "proof.network = \"off\"\nproof.|"},
	{"dotted keys go on below names", "net.eth0.ip|"},
	{"an array of tables has keys that its other tables have", machine[:strings.Index(machine, "to = ")] + "to = \"default\"\n[[net.wlan0.routes]]\n|"},
	{"a port's metric may be written as its name gives it", "[net.wlan0]\nmetric = |"},
	{"of one of two ports with one metric it is another", "[net.usb1]\n[net.usb501]\nmetric = |"},
	{"an inline table has keys", "[net.eth0]\nroutes = [{ |"},
	{"an inline table has its keys once", "[net.eth0]\nroutes = [{ to = \"default\", |"},
	{"a further inline table has them all", "[net.eth0]\nroutes = [{ to = \"default\" }, { |} ]"},
	{"an inline table at the top", "dns = { se|"},

	{"a header may be any table that is not open", machine + "[|"},
	{"a word chooses headers", machine + "[ser|"},
	{"the editor's closing bracket is kept", machine + "[d|]"},
	{"ports go on with the next number", machine + "[net.|"},
	{"services that are needed come first, then tables of those that are there", machine + "[service.|"},
	{"users that services have", "[service.a]\nuser = \"www\"\n[user.|"},
	{"a table of a service may be opened once", machine + "[service.db.|"},
	{"routes of ports that are there", machine + "[[|"},
	{"a near header", machine + "[prof|"},
	{"a header that is complete", "[service.web]|"},
	{"the header that is typed does not count as open", "[dn|\n[proof]\n"},

	{"values of a list", "[service.a]\nrestart = |"},
	{"within quotes", "[service.a]\nrestart = \"|"},
	{"between quotes", "[service.a]\nrestart = \"|\""},
	{"single quotes", "[service.a]\nrestart = 'on|'"},
	{"a word without quotes gets them", "[service.a]\nrestart = alw|"},
	{"a wrong value finds the near one", "[service.a]\nrestart = \"nevver|\""},
	{"nothing is put into a value", "[service.a]\nrestart = \"al|ways\""},
	{"true or false", "[net.eth0]\noptional = |"},
	{"part of true", "[net.eth0]\noptional = t| # c"},
	{"services to need, without the one itself and those it needs", machine + "wants = [\"|\n[proof]\n"},
	{"services in a list that goes on below", machine + "wants = [\n\t|\n]\n"},
	{"a list is closed if nothing else does", machine + "wants = [\"db\", |"},
	{"those of the list are not offered again", "[service.a]\n[service.b]\n[service.c]\nneeds = [\"b\", \"|\"]"},
	{"a list without its bracket", machine + "after = |"},
	{"users", machine + "\n[service.x]\nuser = |"},
	{"capabilities, without those of the list", "[service.a]\ncapabilities = [\"net_raw\", \"net_|"},
	{"a size is begun", "[service.a]\nmemory = |"},
	{"users of checks", "[check.a]\nuser = \"|"},
	{"a table for a user of a check, and none for a name that cannot be", "[check.a]\nuser = \"www\"\n[service.a]\nneeds = [\"dev/tty\"]\nuser = \"a b\"\n[user.|"},
	{"signals", "[service.a]\nstop_signal = \"|"},
	{"ways to be ready", "[service.a]\nready = \"|"},
	{"a port number is left to the person", "[service.a]\nready = \"tcp|\""},
	{"a default is offered", "[service.a]\nstart_timeout = \"|"},
	{"a name is offered", "hostname = |"},
	{"a free number", machine + "[user.x]\nuid = |"},
	{"where nothing is known the value is begun", "[net.eth0]\naddresses = |"},
	{"within it nothing is known", "[net.eth0]\naddresses = [\"|"},
	{"tables begin with a brace", "[net.eth0]\nroutes = [|"},
	{"a route's destination", "[net.eth0]\nroutes = [{ to = \"|"},
	{"dotted values", "proof.network = |"},
	{"a value of an unknown key", "x = |"},
	{"behind a value", "hostname = \"a\" |"},
	{"in a comment", "# h|"},
	{"in a comment behind a value", "hostname = \"a\" # |"},
	{"in a comment of a list", "modules = [ # |"},
	{"in a long string", "hostname = \"\"\"\nh|\n\"\"\""},
	{"below a line that is broken", "[service.a]\nuser = \"x\nres|\n"},
	{"below a list that is broken", "[service.a]\ncommand = [\"x\"\nuser = \"|\"\n"},
	{"a variable's value is a text or a secret", "[service.a.env]\nTOKEN = |"},
	{"a secret has a name", "[service.a]\nenv = { TOKEN = { |"},
	{"secrets that the file has", "[file.\"/etc/a\"]\ntext = { secret = \"key.pem\" }\n[service.a.env]\nA = { secret = \"a\" }\nB = { secret = \"|"},
	{"names that cannot be are not offered", "[user.'']\n[service.'']\n[service.b]\ncommand = [\"a\\nb\"]\n[service.c]\nneeds = [|"},
	{"bad escapes in keys", "\"\\q\".\"\\q\".\"\\q\" = { \"\\q\".|"},
	{"behind a byte order mark", "\ufeffho|"},
	{"with the line ends of other systems", "[proof]\r\nnet|\r\n"},
}

// cut takes the cursor out of a text.
func cut(t *testing.T, marked string) (src []byte, offset int) {
	t.Helper()
	before, after, found := strings.Cut(marked, "|")
	if !found || strings.Contains(after, "|") {
		t.Fatalf("not one cursor in %q", marked)
	}
	return []byte(before + after), len(before)
}

// around is the line of the cursor, and the one above.
func around(marked string) string {
	at := strings.IndexByte(marked, '|')
	from := strings.LastIndexByte(marked[:at], '\n')
	from = strings.LastIndexByte(marked[:max(from, 0)], '\n') + 1
	if end := strings.IndexByte(marked[at:], '\n'); end >= 0 {
		marked = marked[:at+end]
	}
	return "    " + strings.ReplaceAll(strings.Trim(marked[from:], "\r\n"), "\n", "\n    ") + "\n"
}

func TestCompletionsOfEveryPlace(t *testing.T) {
	var b strings.Builder
	for _, p := range places {
		src, offset := cut(t, p.text)
		from, items := Complete(src, offset)
		fmt.Fprintf(&b, "# %s\n%s", p.claim, around(p.text))
		for _, item := range items {
			fmt.Fprintf(&b, "%q -> %-28s %s\n", src[from:offset], item.Text, item.Doc)
		}
		b.WriteByte('\n')
	}
	golden(t, "testdata/complete.golden", b.String())
}

func TestPortsOfTheMachineAreOffered(t *testing.T) {
	src, offset := cut(t, "[net.lan0]\n[net.|")
	_, items := Complete(src, offset, "lan0", "lan1", "wan")
	var got []string
	for _, item := range items {
		got = append(got, item.Text)
	}
	if want := []string{"[net.lan1]", "[net.wan]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExplanationsOfEveryPlace(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		"|", "\n|[net.eth0]", "|hostname = \"a\"", "hostname = \"a|\"", "hostname = \"a\"|", "hostname = \"a\" # |", "hostn|ame = \"a\"", "hostnme| = 1", "mtu| = 1",
		"# comment |\n", "[|net.eth0]", "|[net.eth0]", "[net.eth0|]", "[n|et]", "[serivce.a|]", "[serivce.a]\ncommand| = []", "[service.a|\n",
		machine + "|", machine + "  |  restart = \"never\"", machine + "restart = \"ne|ver\"", machine + "stop_sig|nal = \"TERM\"", machine + "wants = |[]", machine + "comand| = 1", machine + "capabilities = |[]", machine + "memory| = 1",
		"[service.a.env]\n|", "[service.a]\nenv = { A| = \"b\" }", "[service.a]\nenv = | { A = \"b\" }", "[sysctl]\nnet.ipv4.ip_for|ward = 1", "[net.eth0]\nroutes = [{ to = \"default\", metric = |1 }]",
		"[net.eth0]\nroutes = [\n|\n]", "[user.x]\nuid = 1\ngid = 1\n|", "[nothing]\n|", "[service.a]\nenv = { A = { secr|et = \"b\" } }", "[file.\"/etc/a\"]\nte|xt = \"b\"", "[proof]\n|", "net.eth0.mt|u = 1", "[[net.eth0.rou|tes]]", "[service.\"a b\"]\nuse|r = 'x'", "[\n|", "[", "[]|", ".|", "=|",
	} {
		if !strings.Contains(text, "|") {
			text += "|"
		}
		src, offset := cut(t, text)
		fmt.Fprintf(&b, "%s%s\n\n", around(text), Explain(src, offset))
	}
	golden(t, "testdata/explain.golden", b.String())
}

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update rewrites it)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}
