package system

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bantam/system/syntax"
)

// Files whose faults lead the checker to suggest something, beside those of testdata/bad.
var suggesting = []string{
	"[service.a]\ncommand = [\"a\"]\nneeds = [\"dev/ttyUSB0\", \"console-ttyS0\", \"\", \"a b\", \"-x\", \"db\"]\nwants = [\"netwrk\"]\n",
	"[service.web]\ncommand = [\"a\"]\nneeds = [\"wbe\"]\n",
	"[service.alpha]\ncommand = [\"a\"]\nneeds = [\"beta\"]\n[service.beta]\ncommand = [\"b\"]\nafter = [\"gamma\"]\n[service.gamma]\ncommand = [\"c\"]\nwants = [\"alhpa\"]\n",
	"[service.a]\ncommand = [\"a\"]\nuser = \"www data\"\n[service.b]\ncommand = [\"b\"]\nuser = \"netcfg\"\n[service.c]\ncommand = [\"c\"]\nuser = \"1\"\n[service.d]\ncommand = [\"d\"]\nuser = \"www\"\n",
	"[check.a]\ncommand = [\"a\"]\nuser = \"no body\"\n[check.b]\ncommand = [\"b\"]\nuser = \"who/ever\"\n",
	"[service.a]\ncommand = [\"a\"]\ncapabilities = [\"CAP_NET_ADMIN\", \"net-raw\", \"net_bind_servce\", \"all\", \"\"]\n",
	"[service.a]\ncommand = [\"a\"]\nmemory = 64\n[service.b]\ncommand = [\"a\"]\nmemory = 67108864\n[service.c]\ncommand = [\"a\"]\nmemory = \"64MB\"\n[service.d]\ncommand = [\"a\"]\nmemory = \"64 MiB\"\n",
	"[service.a]\ncommand = [\"a\"]\nmemory = \"64m\"\n[service.b]\ncommand = [\"a\"]\nmemory = \"1K\"\n[service.c]\ncommand = [\"a\"]\nmemory = \"much\"\n[service.d]\ncommand = [\"a\"]\nmemory = -1\n",
	"[service.a]\ncommand = [\"a\"]\ntasks = \"500\"\n[service.b]\ncommand = \"ls -l\"\n[service.c]\ncommand = [\"ls | wc\"]\n[service.d]\ncommand = []\n[service.e]\n",
	"[service.a]\ncommand = [\"a\"]\ndir = \"../run\"\nready = \"tcp:80\"\nstop_signal = \"sigterm\"\nreload_signal = \"STOP\"\nstart_timeout = 5\nstop_timeout = \"5\"\nrestart = \"alway\"\n",
	"[service.a]\ncommand = [\"a\"]\nready = \"tcp:0\"\n[service.b]\ncommand = [\"b\"]\nready = \"70000\"\n[service.c]\ncommand = [\"c\"]\nready = \"exited\"\nrestart = \"always\"\nstart_timeout = 0\nstop_timeout = -3\n",
	"[user.a]\nuid = 5\n[user.b]\nuid = 5\n[user.c]\n[user.d]\nuid = \"1001\"\n",
	"hostname = \"my_host\"\nmodules = [\"/lib/modules/wireguard.ko.xz\", \"wire guard\", \"-x.ko\"]\n",
	"hostname = 5\nmodules = \"wireguard, nft\"\n[sysctl]\n\"net/ipv4/ip_forward\" = 1\n\"ip_forward\" = 1\n\"//\" = 1\n\"/proc/sys/kernel/panic\" = 1\nnet.ipv6.conf.eth0.disable_ipv6 = 1\nnet.ipv4.conf.eth0.forwarding = 1\n",
	"[net.eth0]\naddresses = [\"10.0.0.0/24\", \"10.0.1.255/24\", \"10.0.2.1\", \"fd00::1\", \"10.0.3.1/255.255.255.0\", \"10.0.4.1/33\", \"10.0.5.1/0\", \"255.255.255.255/31\", \"::ffff:10.0.6.1/96\"]\n",
	"[net.eth0]\naddresses = [\"192.168.1.2/24\"]\ngateway = \"192.168.1.1/24\"\ngateway6 = \"192.168.1.1\"\nipv6 = \"of\"\noptional = \"true\"\nmtu = \"1500\"\n",
	"[net.eth0]\ngateway = \"fd00::1\"\n[net.eth1]\ngateway6 = \"fe80::1%eth1\"\nmtu = 1000\n[net.eth2]\nipv4 = \"static\"\nipv6 = \"static\"\n[net.lo]\nmtu = 1500\n",
	"[net.eth0]\nroutes = [{ to = \"10.0.0.1/8\" }, { via = \"10.0.0.1\" }, { to = \"default\" }, { to = \"2001:db8::1/32\" }]\n",
	"[dns]\nservers = [\"fe80::1\", \"9.9.9.9%eth0\", \"fd00::1%eth0\", \"fe80::1%a/b\", \"fe80::2%eth9\", \"::ffff:9.9.9.9\", \"9.9.9.9/32\"]\n[net.eth1]\n",
	"[dns]\nservers = [\"fe80::1\"]\n[net.\"bad/port\"]\n",
	"[proof]\nnetwork = \"on\"\ntimeout = \"5\"\nsettle = 3\n[net.eth0]\noptional = 1\n[net.eth1]\noptional = \"no\"\n",
}

var (
	literal     = regexp.MustCompile(`\[(?:"(?:[^"\\]|\\.)*"(?:, )?)*\]|"(?:[^"\\]|\\.)*"|\b(?:true|false|-?\d+)\b`)
	wholeValue  = regexp.MustCompile(`^(?:\[[^\]]*\]|"(?:[^"\\]|\\.)*"|'[^']*'|[^ \t\n=,\]}.]+)`)
	tableHeader = regexp.MustCompile(`^\[[^"\]]*("(?:[^"\\]|\\.)*")?\]`)
	keyValue    = regexp.MustCompile(`^(?:it as )?([a-z0-9_]+) = (.*)$`)
)

// repairs are the files that a suggestion leads to, one for each of the values,
// tables or lines that it names; none for one that says no text.
func repairs(src []byte, p Problem) (fixed []string) {
	t := syntax.NewText(src)
	at := t.Lines[p.Line-1] + p.Col - 1
	replace := func(text string) {
		fixed = append(fixed, string(src[:at])+text+string(src[at+len(wholeValue.Find(src[at:])):]))
	}
	what, rest, _ := strings.Cut(p.Suggestion, " ")
	switch {
	case what == "write" && strings.HasPrefix(p.Message, "table header"):
		fixed = append(fixed, string(src[:t.LineStart(at)])+rest+string(src[t.LineEnd(at):]))
	case what == "write" && keyValue.MatchString(rest) && !strings.HasSuffix(rest, "..."):
		pair := keyValue.FindStringSubmatch(rest)
		start, end := t.LineStart(at), t.LineEnd(at)
		if src[start] == '[' {
			start = end // below the header
		}
		if c := pair[2][0]; c == '"' || c == '[' {
			pair[2] = literal.FindString(pair[2])
		}
		fixed = append(fixed, string(src[:start])+"\n"+pair[1]+" = "+pair[2]+string(src[end:]))
	case what == "write" && regexp.MustCompile(`^(e\.g\. )?("|\["|true|false|-?\d)`).MatchString(rest):
		rest, _, _ = strings.Cut(rest, "; ")
		for _, text := range literal.FindAllString(rest, -1) {
			replace(text)
		}
	case strings.HasPrefix(p.Suggestion, "did you mean "):
		text := literal.FindString(p.Suggestion)
		if src[at] != '"' && src[at] != '\'' {
			text = strings.Trim(text, `"`)
		}
		replace(text)
	case what == "add" && strings.HasPrefix(rest, "["):
		more := tableHeader.FindString(rest) + "\nuid = 4711\n"
		if strings.HasPrefix(rest, "[service.") {
			more = tableHeader.FindString(rest) + "\ncommand = [\"x\"]\n"
		} else if strings.HasPrefix(rest, "[group.") {
			more = tableHeader.FindString(rest) + "\ngid = 4711\n"
		} else if strings.HasPrefix(rest, "[zone.") {
			more = tableHeader.FindString(rest) + "\nto = []\n"
		}
		fixed = append(fixed, string(src)+"\n"+more)
	case what == "add" && strings.Contains(rest, " = "):
		line := t.LineEnd(at)
		rest = strings.TrimPrefix(rest, "e.g. ")
		if src[at] == '{' {
			fixed = append(fixed, string(src[:at+1])+rest+", "+string(src[at+1:]))
		} else {
			fixed = append(fixed, string(src[:line])+"\n"+rest+string(src[line:]))
		}
	}
	return fixed
}

func TestWhatTheCheckerSuggestsItAccepts(t *testing.T) {
	files := slices.Clone(suggesting)
	bad, _ := filepath.Glob("testdata/bad/*.toml")
	for _, file := range bad {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(src))
	}
	tried := 0
	for i, src := range files {
		src = strings.TrimPrefix(src, "\ufeff")
		_, before := Parse("f", []byte(src))
		var known []string
		for _, p := range before {
			known = append(known, p.Message)
		}
		for _, p := range before {
			for _, fixed := range repairs([]byte(src), p) {
				tried++
				_, after := Parse("f", []byte(fixed))
				for _, q := range after {
					again := q.Message == p.Message && q.Line == p.Line && q.Col == p.Col
					doubled := strings.Contains(q.Message, "already")                                       // what was meant is there as well
					key := strings.HasPrefix(p.Message, "unknown key") && q.Line == p.Line && q.Col > p.Col // its value is another matter
					quotes := strings.HasSuffix(p.Message, "needs quotes")                                  // and so is what a key may be called
					if again || !doubled && !key && !quotes && !slices.Contains(known, q.Message) {
						t.Errorf("file %d: %s\nled to: %s\n%s", i, p, q, difference(src, fixed))
					}
				}
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d suggestions were tried", tried)
	}
}

// difference is the first line of b that a does not have.
func difference(a, b string) string {
	for _, line := range strings.Split(b, "\n") {
		if !strings.Contains(a, line) {
			return fmt.Sprintf("by: %s", line)
		}
	}
	return ""
}
