package control

import (
	"strings"
	"testing"
	"time"

	"bantam/docs"
	"bantam/init/kmod"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg"
	"bantam/netcfg/firewall"
	"bantam/netcfg/nft"
	"bantam/switcher"
)

// answering serves one fixed answer and returns the socket.
func answering(t *testing.T, requests chan<- Request, answer func(Request) Frame) string {
	return serveOn(t, func(req Request, _ *Client) Frame {
		if requests != nil {
			requests <- req
		}
		return answer(req)
	})
}

func runVerb(socket string, args ...string) (code int, out, errs string) {
	var o, e strings.Builder
	code = run(args, &o, &e, socket)
	return code, o.String(), e.String()
}

func TestEveryVerbHasItsHelp(t *testing.T) {
	code, list, _ := runVerb("", "help")
	if code != ExitGood {
		t.Fatalf("help: code %d", code)
	}
	for _, v := range verbs {
		if !strings.Contains(list, "\n  "+v.name+" ") {
			t.Errorf("%s is not in the list", v.name)
		}
		code, text, _ := runVerb("", "help", v.name)
		if code != ExitGood || !strings.HasPrefix(text, "usage: bantam "+v.name) {
			t.Errorf("help %s: code %d, %q", v.name, code, text)
		}
		if same, _, _ := runVerb("", v.name, "--help"); same != ExitGood {
			t.Errorf("%s --help: code %d", v.name, same)
		}
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 100 {
				t.Errorf("help %s: a line of %d columns", v.name, len(line))
			}
		}
	}
}

func TestPagesAreOnTheDevice(t *testing.T) {
	_, list, _ := runVerb("", "help")
	for _, topic := range docs.Topics {
		if !strings.Contains(list, "\n  "+topic.Name+" ") {
			t.Errorf("%s is not in the list", topic.Name)
		}
		for _, name := range []string{topic.Name, topic.Name + ".md", "docs/" + topic.Name + ".md"} {
			if code, text, _ := runVerb("", "help", name); code != ExitGood || text != topic.Text {
				t.Errorf("help %s: code %d, %d bytes of %d", name, code, len(text), len(topic.Text))
			}
		}
		for _, v := range verbs {
			if v.name == topic.Name {
				t.Errorf("%s is a verb too: its page cannot be reached", topic.Name)
			}
		}
	}
}

func TestWrongWordsAreRefusedBeforeAnythingIsAsked(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"swich", `did you mean "switch"`},
		{"status now", `"now" is too much`},
		{"status --yaml", "unknown option --yaml"},
		{"rollback two", `"two" is no number`},
		{"rollback 1 2", "one generation at most"},
		{"switch --confirm", "--confirm wants a value"},
		{"switch --confirm soon", "not a time"},
		{"switch --confirm=-5s", "not a time"},
		{"switch --abort x.toml", "--abort stands alone"},
		{"switch --abort --no-rollback", "--abort stands alone"},
		{"test --abort", "unknown option --abort"},
		{"boot --confirm never", "not a time"},
		{"rollback --confirm 25h", "not a time"},
		{"boot --no-rollback", "unknown option --no-rollback"},
		{"test a b", "one file at a time"},
		{"service start", "start which service?"},
		{"service burn web", `"burn" is none of`},
		{"log -n x", "not a number of lines"},
		{"log a b", "one service at a time"},
		{"generations destroy 1", `"destroy" is none of show, pin, unpin, label and delete`},
		{"generations delete", "delete which generation?"},
		{"generations pin", "pin which generation?"},
		{"generations pin 1 2", "pin which generation?"},
		{"generations label", "label which generation?"},
		{"generations label x y", `"x" is no number`},
		{"generations show 1 2", "one generation at most"},
		{"generations --json delete 1", "--json belongs to"},
		{"show x", `"x" is no number`},
		{"show 1 2", "one generation at most"},
		{"switch 0", `"0" is no number`},
		{"switch 99999999999999999999", "is no number"},
		{"rollback --to-good 3", "finds the generation by itself"},
		{"gc now", `"now" is too much`},
		{"generations delete x", `"x" is no number`},
		{"state burn", `"burn" is none of`},
		{"state keep --yes", "--yes belongs to renew"},
		{"state keep --reboot", "--reboot belongs to renew"},
		{"state renew now", `"now" is too much`},
		{"draft", "discard is the only thing"},
		{"help nothing", `no verb or topic "nothing"`},
		{"help swithcing", `did you mean "switching"`},
		{"help edit view", "one verb or topic at a time"},
		{"edit --fast", "unknown option --fast"},
		{"edit -", "can only be looked at"},
		{"edit +3", "line 3 of which file?"},
		{"view --fast", "unknown option --fast"},
		{"reboot now", `"now" is too much`},
	} {
		code, _, errs := runVerb("/nonexistent", strings.Fields(c.args)...)
		if code != ExitUsage || !strings.Contains(errs, c.want) {
			t.Errorf("bantam %s: code %d, %q; want code 2 and %q", c.args, code, errs, c.want)
		}
	}
}

func TestWithoutPID1EveryVerbSaysSo(t *testing.T) {
	for _, args := range []string{"status", "net", "plan", "switch", "rollback", "generations", "service list", "log", "confirm", "diff"} {
		code, _, errs := runVerb("/nonexistent/socket", strings.Fields(args)...)
		if code != ExitError || !strings.Contains(errs, "PID 1 does not answer") {
			t.Errorf("bantam %s: code %d, %q", args, code, errs)
		}
	}
}

func TestSwitchSendsWhatWasAskedFor(t *testing.T) {
	requests := make(chan Request, 1)
	socket := answering(t, requests, func(Request) Frame { return Frame{Exit: 10} })
	code, _, _ := runVerb(socket, "switch", "--confirm", "90s", "--no-rollback")
	got := <-requests
	want := Request{Verb: "switch", Confirm: 90 * time.Second, NoRollback: true}
	if code != 10 || got.Verb != want.Verb || got.Confirm != want.Confirm || !got.NoRollback || got.Text != nil {
		t.Errorf("code %d, request %+v", code, got)
	}
}

func TestAbortTellsHowTheSwitchEnded(t *testing.T) {
	for _, c := range []struct {
		answer Frame
		code   int
	}{
		{Frame{}, ExitGood},
		{Frame{Error: "no switch is under way", Exit: ExitError}, ExitError},
		{Frame{Error: "failed: and on the way back", Exit: switcher.ExitFailed}, switcher.ExitFailed},
	} {
		socket := answering(t, nil, func(req Request) Frame {
			if req.Verb != "abort" {
				t.Errorf("asked for %q", req.Verb)
			}
			return c.answer
		})
		if code, _, errs := runVerb(socket, "switch", "--abort"); code != c.code || !strings.Contains(errs, c.answer.Error) {
			t.Errorf("code %d, %q, want %d, %q", code, errs, c.code, c.answer.Error)
		}
	}
}

func TestARollbackToABadGenerationIsAskedAbout(t *testing.T) {
	list := []Generation{
		{Entry: switcher.Entry{Number: 1, State: switcher.StateGood}},
		{Entry: switcher.Entry{Number: 2, State: switcher.StateBad, Reason: "not proven in time (10s): web: crash-looping"}, Marks: []string{"previous"}},
	}
	for _, c := range []struct {
		claim, args string
		code        int
		asked       string
	}{
		{"to what ran before", "rollback", ExitError, "Generation 2 is bad: not proven in time (10s): web: crash-looping."},
		{"by its number", "rollback 2", ExitError, "--yes tries it all the same"},
		{"as JSON nobody is asked", "rollback --json 2", ExitError, "nobody is there to ask; --yes"},
		{"the answer is given", "rollback --yes 2", 10, ""},
		{"a good one is not asked about", "rollback 1", 10, ""},
		{"nor one that is not there", "rollback 3", 10, ""},
	} {
		changed := false
		socket := answering(t, nil, func(req Request) Frame {
			if req.Verb == "generations" {
				return Reply(list)
			}
			changed = true
			return Frame{Exit: 10}
		})
		code, _, errs := runVerb(socket, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errs, c.asked) || changed != (c.code == 10) {
			t.Errorf("%s: code %d, changed %v, %q", c.claim, code, changed, errs)
		}
	}
}

func TestStatusTellsWhatAPersonNeeds(t *testing.T) {
	s := Status{
		Hostname: "gate", Version: "v1", Board: "pc", Kernel: "6.1.0", Uptime: 90 * time.Second,
		Generation: 3, State: switcher.StateGood, Why: "made by switch", Default: 2, Tries: 4,
		Busy: "switch to generation 5, since 3s", Storage: "/dev/vda2, 185 MiB", Lasting: true, Watchdog: "none",
		Notes: []string{"no modules"},
		Network: &netcfg.Status{Online: true, Ports: []netcfg.PortStatus{
			{Name: "eth0", Up: true, Addresses: []netcfg.AddressStatus{{Prefix: "fe80::1/64", Source: "link-local"}, {Prefix: "10.0.0.2/24", Source: "static"}}},
			{Name: "eth1", Waiting: "no carrier"},
		}},
		Services: []supervise.State{{Name: "web", Phase: lifecycle.PhaseBackoff, Reason: "exit status 1", Restarts: 7, Since: 80 * time.Second}},
	}
	socket := answering(t, nil, func(Request) Frame { return Reply(s) })
	_, text, _ := runVerb(socket, "status")
	for _, want := range []string{
		"gate, board pc, Bantam v1, Linux 6.1.0, up 1m30s", "generation  3, good: made by switch",
		"tries generation 4, then generation 2", "switch to generation 5", "/dev/vda2, 185 MiB", "no modules",
		"online: eth0 10.0.0.2/24, eth1 no carrier", "web      backoff  -    10s    7         exit status 1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if code, text, _ := runVerb(socket, "status", "--json"); code != 0 || !strings.Contains(text, `"generation": 3`) {
		t.Errorf("--json: code %d\n%s", code, text)
	}
}

func TestNetFirewallShowsZonesAndWhatIsCounted(t *testing.T) {
	view := firewall.View{On: true, Zones: []firewall.ZoneView{{Name: "lan", Ports: []string{"eth1", "eth2"}}},
		Rules: []firewall.RuleView{{Where: "forward", What: "lan may reach wan", Count: nft.Count{Packets: 7, Bytes: 420}}}}
	socket := answering(t, nil, func(req Request) Frame {
		if req.Verb != "net firewall" {
			t.Errorf("asked %+v", req)
		}
		return Reply(view)
	})
	code, text, errs := runVerb(socket, "net", "firewall")
	for _, want := range []string{"lan   eth1 eth2\n", "forward  7        420    lan may reach wan\n"} {
		if code != ExitGood || !strings.Contains(text, want) {
			t.Errorf("no %q, code %d: %s%s", want, code, text, errs)
		}
	}
	if code, text, _ := runVerb(socket, "net", "firewall", "--json"); code != ExitGood || !strings.Contains(text, `"packets": 7`) {
		t.Errorf("--json: %d %s", code, text)
	}
	if code, _, _ := runVerb(socket, "net", "firewall", "lan"); code != ExitUsage {
		t.Errorf("too much: %d", code)
	}
	view = firewall.View{}
	if _, text, _ := runVerb(socket, "net", "firewall"); !strings.Contains(text, "no port belongs to a zone") {
		t.Errorf("without zones: %s", text)
	}
}

func TestNetRenewNamesOnePort(t *testing.T) {
	var asked []Request
	socket := answering(t, nil, func(req Request) Frame { asked = append(asked, req); return Frame{} })
	for args, want := range map[string]int{"net renew": ExitUsage, "net renew eth0 eth1": ExitUsage, "net renew eth0": ExitGood} {
		if code, _, errs := runVerb(socket, strings.Fields(args)...); code != want {
			t.Errorf("%s: code %d, want %d: %s", args, code, want, errs)
		}
	}
	if len(asked) != 1 || asked[0].Verb != "net renew" || len(asked[0].Names) != 1 || asked[0].Names[0] != "eth0" {
		t.Errorf("asked %+v", asked)
	}
}

func TestStatusAndItsExitCodeTellWhichServicesDoNotWork(t *testing.T) {
	for _, c := range []struct {
		claim string
		state supervise.State
		code  int
		row   string
	}{
		{"one that works", supervise.State{Phase: "ready", PID: 7, LastExit: lifecycle.Exit{Cause: lifecycle.Exited, Status: 1}, Restarts: 1}, 0, "web      ready  7    0s     1         before: exit status 1"},
		{"one that is ready for a moment, again and again", supervise.State{Phase: "ready", PID: 7, Looping: true, LastExit: lifecycle.Exit{Cause: lifecycle.Exited, Status: 1}, Restarts: 9}, 2, "web      crash-looping  7    0s     9         before: exit status 1"},
		{"one that keeps going down", supervise.State{Phase: "backoff", Looping: true, Reason: "signal 11", Restarts: 9}, 2, "web      crash-looping  -    0s     9         signal 11"},
		{"one that has fallen once", supervise.State{Phase: "backoff", Reason: "exit status 1", Restarts: 1}, 2, "web      backoff  -    0s     1         exit status 1"},
		{"one on its way", supervise.State{Phase: "up", PID: 7}, 0, "web      up     7    0s     0"},
		{"one that waits for what does not come", supervise.State{Phase: "down", Stuck: true, Reason: "waits for db: exit status 1"}, 2, "waits for db: exit status 1"},
		{"one that waits for what a person stopped", supervise.State{Phase: "down", Stuck: true, Held: true, Reason: "waits for db: stopped by hand"}, 0, "stopped by hand"},
		{"one that may fail", supervise.State{Phase: "failed", Stuck: true, MayFail: true, Reason: "exit status 1"}, 0, "failed"},
		{"one that has done its work", supervise.State{Phase: "down", Stuck: true, Done: true, LastExit: lifecycle.Exit{Cause: lifecycle.Exited}, Reason: "exit status 0"}, 0, "down"},
		{"one that runs an older definition", supervise.State{Phase: "ready", PID: 7, Stale: true}, 0, "runs an older definition"},
	} {
		c.state.Name, c.state.Wanted = "web", true
		socket := answering(t, nil, func(Request) Frame { return Reply(Status{Services: []supervise.State{c.state}}) })
		for _, args := range [][]string{{"status"}, {"service"}} {
			code, text, _ := runVerb(socket, args...)
			if code != c.code || !strings.Contains(text, c.row) {
				t.Errorf("%s: %v: code %d, want %d and %q in\n%s", c.claim, args, code, c.code, c.row, text)
			}
			if code, _, _ := runVerb(socket, append(args, "--json")...); code != c.code {
				t.Errorf("%s: %v --json: code %d, want %d", c.claim, args, code, c.code)
			}
		}
	}
}

func TestNetSaysWhenNobodyLooksAfterTheNetwork(t *testing.T) {
	s := Status{Network: &netcfg.Status{Online: true}, Services: []supervise.State{{Name: "network", Reason: "stopped by hand"}}}
	socket := answering(t, nil, func(Request) Frame { return Reply(s) })
	if _, text, _ := runVerb(socket, "net"); !strings.Contains(text, "does not run (stopped by hand)") {
		t.Errorf("no warning in\n%s", text)
	}
	s.Services[0].PID = 5
	if _, text, _ := runVerb(socket, "net"); strings.Contains(text, "does not run") {
		t.Errorf("a warning without need:\n%s", text)
	}
}

func TestNetTellsPartsOfWhatItHas(t *testing.T) {
	port := func(name, address, via string) netcfg.PortStatus {
		return netcfg.PortStatus{Name: name, Kind: "ethernet", Up: true, Explicit: true, Addresses: []netcfg.AddressStatus{{Prefix: address, Source: "static"}},
			Routes: []netcfg.RouteStatus{{To: "default", Via: via, Source: "static", Metric: 100}}}
	}
	s := Status{Network: &netcfg.Status{Online: true, DNS: []string{"9.9.9.9"}, Problems: []string{"of two\n\nparts"}, Ports: []netcfg.PortStatus{port("eth0", "10.0.0.5/24", "10.0.0.1"), port("eth1", "10.0.1.5/24", "10.0.1.1")},
		Routes: []netcfg.RouteStatus{{To: "10.9.0.0/16", Type: "blackhole", Source: "static", Metric: 5}}, Rules: []netcfg.RuleStatus{{Rule: "from 10.0.0.0/24 table 100", Source: "static"}}}}
	socket := answering(t, nil, func(Request) Frame { return Reply(s) })
	const (
		eth0    = "eth0  up     ethernet                       named in system.toml\n"
		address = "             10.0.0.5/24                    static\n"
		route   = "             default via 10.0.0.1 metric 100  static\n"
	)
	plain := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for args, want := range map[string]string{
		"status":          "online: eth0 10.0.0.5/24, eth1 10.0.1.5/24",
		"why eth0":        eth0 + address + route,
		"why 10.0.0.5":    eth0 + address,
		"why 10.0.0.5/24": eth0 + address,
		"why 10.0.0.1":    eth0 + route,
		"why 9.9.9.9":     "name servers: 9.9.9.9",
		"why 10.9.0.0/16": "- blackhole 10.9.0.0/16 metric 5 static",
		"why 10.0.0.0/24": "rule from 10.0.0.0/24 table 100 static",
		"why online":      "online: yes",
		"routes":          "PORT ROUTE BECAUSE eth0 default via 10.0.0.1 metric 100 static eth1 default via 10.0.1.1 metric 100 static - blackhole 10.9.0.0/16 metric 5 static rule from 10.0.0.0/24 table 100 static",
	} {
		if code, text, errs := runVerb(socket, append([]string{"net"}, strings.Fields(args)...)...); code != ExitGood || plain(text) != plain(want) {
			t.Errorf("net %s: %d, %s\n%s", args, code, errs, text)
		}
	}
	_, all, _ := runVerb(socket, "net")
	if _, text, _ := runVerb(socket, "net", "why"); text != all {
		t.Errorf("net why is not net:\n%s", text)
	}
	for args, want := range map[string]string{
		"why 10.0.0.6": `has nothing that is called "10.0.0.6"`, "why eth": `"eth"`, "status x": `"x" is too much`, "why a b": `"b" is too much`, "why eth0 --json": "net why has no --json", "status --json": "net status has no --json",
		"rotues": `"rotues" is too much`,
	} {
		if code, text, errs := runVerb(socket, append([]string{"net"}, strings.Fields(args)...)...); code == ExitGood || text != "" || !strings.Contains(errs, want) {
			t.Errorf("net %s: %d, %q %q", args, code, text, errs)
		}
	}
}

func TestCardsWithoutADriverAreTold(t *testing.T) {
	defer func(real func() ([]kmod.Unserved, error)) { unservedNetwork = real }(unservedNetwork)
	unservedNetwork = func() ([]kmod.Unserved, error) {
		return []kmod.Unserved{{Device: "pci 0000:00:04.0", ID: "10ec:8139", Modalias: "pci:v000010ECd00008139", Modules: []string{"8139too"}, Package: "linux-image-6 6.1"}}, nil
	}
	socket := answering(t, nil, func(Request) Frame { return Reply(Status{Network: &netcfg.Status{}}) })
	for _, c := range []struct{ verb, want string }{
		{"net", "no driver: pci 0000:00:04.0, 10ec:8139\n  modalias  pci:v000010ECd00008139\n  module    8139too of linux-image-6 6.1\n"},
		{"net", `Add modules = ["8139too"] to system.toml`},
		{"net --json", `"no_driver": [`},
		{"net --json", `"online": false`},
		{"status", "note        the network card pci 0000:00:04.0 10ec:8139 has no driver here; `bantam net` names it\n"},
		{"status --json", "the network card pci 0000:00:04.0 10ec:8139 has no driver here"},
	} {
		if code, text, errs := runVerb(socket, strings.Fields(c.verb)...); code != 0 || !strings.Contains(text, c.want) {
			t.Errorf("%s: code %d, %q, want %q", c.verb, code, text+errs, c.want)
		}
	}
}

func TestARebootThatIsRefusedSaysSoAtOnce(t *testing.T) {
	socket := answering(t, nil, func(Request) Frame { return Frame{Error: "not now", Exit: ExitError} })
	if code, _, errs := runVerb(socket, "reboot"); code != ExitError || !strings.Contains(errs, "not now") {
		t.Errorf("refused: code %d, %q", code, errs)
	}
	notASocket := t.TempDir() // as for a user who may not reach PID 1: neither its answer nor its absence
	if code, _, errs := runVerb(notASocket+"/"+strings.Repeat("x", 200), "reboot"); code != ExitError || errs == "" {
		t.Errorf("unreachable: code %d, %q", code, errs)
	}
}
