package control

import (
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/init/supervise"
	"bantam/netcfg"
	"bantam/switcher"
)

func TestTabKnowsWhatAVerbTakes(t *testing.T) {
	socket := answering(t, nil, func(req Request) Frame {
		var reply any
		switch req.Verb {
		case "status":
			reply = Status{Services: []supervise.State{{Name: "network"}, {Name: "web"}},
				Network: &netcfg.Status{Ports: []netcfg.PortStatus{{Name: "eth0"}, {Name: "wlan0"}}}}
		case "generations":
			reply = []Generation{{Entry: switcher.Entry{Number: 1}}, {Entry: switcher.Entry{Number: 12}}}
		}
		text, err := json.Marshal(reply)
		if err != nil {
			t.Error(err)
		}
		return Frame{Last: true, Reply: text}
	})
	for line, want := range map[string]struct {
		names string
		files bool
	}{
		"service ":               {"list start stop restart", false},
		"service start ":         {"network web", false},
		"service stop network ":  {"network web", false},
		"service -":              {"--json", false},
		"net ":                   {"status why routes plan renew firewall leases clients dns", false},
		"net firewall ":          {"", false},
		"net renew ":             {"eth0 wlan0", false},
		"net renew eth0 ":        {"", false},
		"log ":                   {"network web", false},
		"log -":                  {"-f -n", false},
		"rollback ":              {"1 12", false},
		"rollback --yes ":        {"1 12", false},
		"diff 1 ":                {"1 12", false},
		"generations ":           {"show pin unpin label delete", false},
		"generations show ":      {"1 12", false},
		"show ":                  {"1 12", false},
		"gc -":                   {"--dry-run --json", false},
		"import ":                {"", true},
		"export ":                {"1 12", false},
		"export 1 ":              {"", true},
		"rollback --":            {"--confirm --reboot --json --yes --to-good", false},
		"generations delete ":    {"1 12", false},
		"generations delete 1 ":  {"1 12", false},
		"switch ":                {"1 12", true},
		"switch --":              {"--confirm --no-rollback --reboot --json --abort --ca --downgrade --insecure", false},
		"test ":                  {"1 12", true},
		"boot ":                  {"1 12", true},
		"plan ":                  {"1 12", true},
		"edit ":                  {"", true},
		"draft ":                 {"discard", false},
		"draft discard ":         {"", false},
		"state ":                 {"renew keep remove", false},
		"secret ":                {"list set remove", false},
		"secret list ":           {"", false},
		"reboot ":                {"", false},
		"nosuchverb ":            {"", true},
		"generations delete 1 -": {"--json", false},
	} {
		words := strings.Fields(line)
		typed := ""
		if !strings.HasSuffix(line, " ") {
			words, typed = words[:len(words)-1], words[len(words)-1]
		}
		names, files := complete(words, typed, socket)
		if got := strings.Join(names, " "); got != want.names || files != want.files {
			t.Errorf("bantam %s: got %q, files %v; want %q, %v", line, got, files, want.names, want.files)
		}
	}
	if names, _ := complete(nil, "s", socket); !slices.Contains(names, "switch") {
		t.Errorf("bantam s: got %q", names)
	}
	if names, _ := complete([]string{"help"}, "", socket); !slices.Contains(names, "switch") || !slices.Contains(names, "network") {
		t.Errorf("bantam help: got %q", names)
	}
}

func TestTabDoesNotWaitForASilentPID1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	silent, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() // it never answers: without a limit this test would not end
	if names, files := complete([]string{"service", "start"}, "", path); len(names) > 0 || files {
		t.Errorf("got %q, %v", names, files)
	}
	if names, _ := complete([]string{"rollback"}, "", path+".none"); len(names) > 0 {
		t.Errorf("without PID 1: got %q", names)
	}
}
