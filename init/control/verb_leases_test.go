package control

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/boottime"
	"bantam/init/supervise"
	"bantam/netcfg"
	"bantam/system"
)

func TestLeasesThatWereGivenAwayAreShown(t *testing.T) {
	defer func(real string) { leasesPath = real }(leasesPath)
	leasesPath = filepath.Join(t.TempDir(), "leases.json")
	socket := filepath.Join(t.TempDir(), "socket")
	if code, text, fault := runVerb(socket, "net", "leases"); code == 0 || !strings.Contains(text+fault, "no port serves DHCP") {
		t.Errorf("without a server: %d %s%s", code, text, fault)
	}
	write := func(text string) {
		if err := os.WriteFile(leasesPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(fmt.Sprintf(`{"leases":[{"port":"lan","address":"192.168.1.100","mac":"02:00:00:00:00:01","name":"lap\u001btop","client":"bWFj","until":%d},
		{"port":"lan","address":"192.168.1.101","mac":"02:00:00:00:00:02","client":"bWFj","until":1}]}`, boottime.Now()+time.Hour))
	_, text, _ := runVerb(socket, "net", "leases")
	if !strings.Contains(text, "192.168.1.100  lan   02:00:00:00:00:01  ") || strings.Contains(text, "\x1b") || strings.Contains(text, "192.168.1.101") {
		t.Errorf("got\n%s", text)
	}
	if _, text, _ := runVerb(socket, "net", "leases", "--json"); !strings.Contains(text, `"address": "192.168.1.100"`) || !strings.Contains(text, `"until": "20`) {
		t.Errorf("got\n%s", text)
	}
	write(`{"leases":[]}`)
	if _, text, _ := runVerb(socket, "net", "leases"); text != "no address is given away now\n" {
		t.Errorf("got %q", text)
	}
	write(`{"leases":`)
	if code, _, _ := runVerb(socket, "net", "leases"); code == 0 {
		t.Error("a file that cannot be read is a success")
	}
}

func TestNetTellsWhatPortsServe(t *testing.T) {
	defer func(serves, leases string) { servesPath, leasesPath = serves, leases }(servesPath, leasesPath)
	dir := t.TempDir()
	servesPath, leasesPath = filepath.Join(dir, "serve.json"), filepath.Join(dir, "leases.json")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	status := Status{Network: &netcfg.Status{}, Services: []supervise.State{{Name: system.ServeService, PID: 5}}}
	socket := answering(t, nil, func(Request) Frame { return Reply(status) })
	net := func(claim, want string, args ...string) {
		t.Helper()
		if code, text, errs := runVerb(socket, append([]string{"net"}, args...)...); code != ExitGood || !strings.Contains(text, want) {
			t.Errorf("%s: code %d, want %q in\n%s", claim, code, want, text+errs)
		}
	}
	net("before it is told", "What is served is not known: ")
	write(servesPath, `{"Ports":[{"Name":"lan","DHCP":"100-249","RA":true,"DNS":true},{"Name":"g\u001b","RA":true}]}`)
	net("nothing given away", "\nlan serves DHCP 100-249, router advertisements, DNS\ng\\x1b serves router advertisements\n")
	write(leasesPath, fmt.Sprintf(`{"leases":[{"port":"lan","address":"192.168.1.100","mac":"02:00:00:00:00:01","until":%d},{"port":"lan","address":"192.168.1.101","mac":"02:00:00:00:00:02","until":1}]}`, boottime.Now()+time.Hour))
	net("one lease is good", "lan serves DHCP 100-249, router advertisements, DNS; 1 address is given away\n")
	net("for programs", `"serves": "DHCP 100-249, router advertisements, DNS"`, "--json")
	write(leasesPath, "{")
	net("leases that cannot be read", "What is given away is not known: ")
	status.Services[0].PID = 0
	os.Remove(leasesPath)
	net("it has ended", "Nobody is served now: service netserve is ")
	status.Services = nil
	if _, text, _ := runVerb(socket, "net"); strings.Contains(text, " serves ") || strings.Contains(text, "served") {
		t.Errorf("no port serves:\n%s", text)
	}
}
