package control

import (
	"strings"
	"testing"
	"time"

	"bantam/timesync"
)

func init() { time.Local = time.UTC } // as a machine without a zone

func TestWhatIsSaidOfTheTime(t *testing.T) {
	now := time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		status TimeStatus
		want   string
		exit   int
	}{
		{"nobody to ask", TimeStatus{Now: now, Zone: "UTC", Origin: "clock chip"}, `
clock       2027-06-01 12:00:00 UTC, UTC
at boot     clock chip
set         by no time server, as none is known

SERVER  FROM  ADDRESS  STRATUM  OFFSET  DELAY  STATE
none                                           neither [time] nor DHCP names one
`, 0},
		{"nobody answers", TimeStatus{Now: now, Zone: "UTC", Origin: "saved at the last run", Uptime: 20 * time.Second,
			Servers: []NamedServer{{"ntp.example.org", "system.toml"}, {"192.0.2.1", "DHCP"}},
			State: timesync.State{Failure: "192.0.2.1: no answer", Next: 28 * time.Second,
				Sources: []timesync.Source{{Server: "192.0.2.1", Address: "192.0.2.1:123", State: "no \x1banswer"}}}}, `
clock       2027-06-01 12:00:00 UTC, UTC
at boot     saved at the last run
set         not yet: 192.0.2.1: no answer
next round  in 8s

SERVER           FROM         ADDRESS    STRATUM  OFFSET  DELAY  STATE
ntp.example.org  system.toml  -          -        -       -      not asked yet
192.0.2.1        DHCP         192.0.2.1  -        -       -      no \x1banswer
`, 2},
		{"it is right", TimeStatus{Now: now, Zone: "Europe/Berlin", Origin: "build of this software", Uptime: 100 * time.Second,
			Servers: []NamedServer{{"pool.example.org", "system.toml"}},
			State: timesync.State{Synchronized: true, SyncedAt: 88 * time.Second, Offset: -1234 * time.Microsecond, Distance: 30 * time.Millisecond, Next: 164 * time.Second,
				Problem: "it seems to be wrong by 3s; that is looked at again",
				Sources: []timesync.Source{{Server: "pool.example.org", Address: "192.0.2.1:123", State: "used", Stratum: 2, Offset: -1234 * time.Microsecond, Delay: 12345 * time.Microsecond},
					{Server: "pool.example.org", Address: "[2001:db8::1]:1123", State: "outvoted", Stratum: 1, Offset: 2*time.Hour + 123*time.Microsecond, Delay: time.Millisecond}}}}, `
clock       2027-06-01 12:00:00 UTC, Europe/Berlin
at boot     build of this software
set         by a time server, last 12s ago: it was -1.23ms off, give or take 30ms
problem     it seems to be wrong by 3s; that is looked at again
next round  in 1m4s

SERVER            FROM         ADDRESS             STRATUM  OFFSET   DELAY    STATE
pool.example.org  system.toml  192.0.2.1           2        -1.23ms  12.35ms  used
pool.example.org  system.toml  [2001:db8::1]:1123  1        +2h0m0s  1ms      outvoted
`, 0},
		{"stopped", TimeStatus{Now: now, Zone: "UTC", Origin: "clock chip", Stopped: true, Servers: []NamedServer{{"192.0.2.1", "DHCP"}}}, `
clock       2027-06-01 12:00:00 UTC, UTC
at boot     clock chip
set         nobody asks time servers: somebody has stopped the service; bantam service start time

SERVER     FROM  ADDRESS  STRATUM  OFFSET  DELAY  STATE
192.0.2.1  DHCP  -        -        -       -      not asked yet
`, 2},
	} {
		var b strings.Builder
		c.status.write(&b)
		if got := "\n" + b.String(); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, got, c.want)
		}
		if got := c.status.health(); got != c.exit {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.exit)
		}
	}
}
