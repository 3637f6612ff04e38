package control

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/boottime"
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
