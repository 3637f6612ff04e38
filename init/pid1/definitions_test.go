package pid1

import (
	"reflect"
	"strings"
	"testing"

	"bantam/init/supervise"
	"bantam/system"
)

var webUser = &system.System{Users: map[string]system.User{"web": {UID: 1000, GID: 1001}}}

func TestAServiceGetsTheRightsAndLimitsOfItsLines(t *testing.T) {
	for _, c := range []struct {
		claim   string
		service system.Service
		want    supervise.Definition
	}{
		{"root keeps all", system.Service{User: "root"}, supervise.Definition{}},
		{"root with an empty list has none", system.Service{User: "root", Capabilities: system.Capabilities{}}, supervise.Definition{Caps: []int{}}},
		{"a user with capabilities, memory and tasks",
			system.Service{User: "web", Capabilities: system.Capabilities{"net_bind_service"}, Memory: 64 << 20, Tasks: 500},
			supervise.Definition{UID: 1000, GID: 1001, Caps: []int{10}, Memory: 64 << 20, Tasks: 500}},
		{"nobody", system.Service{User: "nobody"}, supervise.Definition{UID: 65534, GID: 65534}},
	} {
		got := serviceDefinition("a", c.service, webUser)
		if got.UID != c.want.UID || got.GID != c.want.GID || !reflect.DeepEqual(got.Caps, c.want.Caps) || got.Memory != c.want.Memory || got.Tasks != c.want.Tasks {
			t.Errorf("%s: got %+v", c.claim, got)
		}
		if got.Vital {
			t.Errorf("%s: a service counts as the machine's own", c.claim)
		}
	}
	for _, d := range definitions(&system.System{}, []string{"ttyS0"}, asRoot) {
		if !d.Vital {
			t.Errorf("%s has to share with the services", d.Name)
		}
	}
}

func asRoot(string) string { return system.LoginRoot }

func TestConsolesAreForWhomTheSystemSays(t *testing.T) {
	login := func(tty string) string {
		return map[string]string{"ttyS0": system.LoginPassword, "tty1": system.LoginNone, "hvc0": system.LoginRoot}[tty]
	}
	var got []string
	for _, d := range definitions(&system.System{}, []string{"ttyS0", "tty1", "hvc0"}, login) {
		if d.TTY != "" {
			got = append(got, d.Name+": "+strings.Join(d.Argv, " "))
		}
	}
	if want := "console-ttyS0: bantam-console ttyS0 password, console-hvc0: bantam-console hvc0"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

func TestConsolesThatChangeStartAnew(t *testing.T) {
	consoles := []string{"ttyS0", "tty1", "hvc0"}
	of := func(ttyS0, tty1, hvc0 string) *system.System {
		return &system.System{Console: system.Console{Named: map[string]system.ConsoleLogin{"ttyS0": {Login: ttyS0}, "tty1": {Login: tty1}, "hvc0": {Login: hvc0}}}}
	}
	l := &logins{last: map[string]string{}}
	step := func(sys *system.System, start, again string) {
		t.Helper()
		l.set(sys)
		s, a := l.changed(consoles)
		if strings.Join(s, " ") != start || strings.Join(a, " ") != again {
			t.Errorf("start %q, again %q; want %q, %q", s, a, start, again)
		}
	}
	step(of("root", "none", "password"), "", "") // nobody has given the consoles away yet
	l.given = true
	step(of("root", "none", "password"), "console-ttyS0 console-hvc0", "")
	step(of("root", "none", "password"), "", "")
	step(of("password", "root", "none"), "console-tty1", "console-ttyS0")
	step(of("root", "none", "root"), "console-hvc0", "console-ttyS0")
	l.set(of("none", "none", "root")) // adopted by a switch that comes no further, and goes back
	l.ended(consoles)
	step(of("root", "none", "root"), "console-ttyS0", "")
	l.open = true
	step(of("none", "none", "none"), "console-tty1", "")
	if l.at("ttyS0") != system.LoginRoot {
		t.Error("the word of the kernel command line counts for nothing")
	}
}

func TestAChangeOfRightsOrLimitsRestartsTheService(t *testing.T) {
	none := func(string) (string, error) { return "", nil }
	seen := map[string]string{}
	for claim, service := range map[string]system.Service{
		"as it was":       {Command: []string{"/x"}},
		"no capabilities": {Command: []string{"/x"}, Capabilities: system.Capabilities{}},
		"one capability":  {Command: []string{"/x"}, Capabilities: system.Capabilities{"chown"}},
		"memory":          {Command: []string{"/x"}, Memory: 64 << 20},
		"tasks":           {Command: []string{"/x"}, Tasks: 500},
	} {
		print := supervise.Fingerprint(serviceDefinition("a", service, new(system.System)), none)
		if seen[print] != "" {
			t.Errorf("%s: like %s", claim, seen[print])
		}
		seen[print] = claim
	}
}

func TestACheckRunsAsItsUser(t *testing.T) {
	for user, want := range map[string][2]uint32{"": {0, 0}, "root": {0, 0}, "nobody": {65534, 65534}, "web": {1000, 1001}} {
		got := checkDefinition("c", system.Check{Command: []string{"x"}, User: user}, webUser)
		if [2]uint32{got.UID, got.GID} != want || got.Name != "check-c" {
			t.Errorf("user %q: %+v", user, got)
		}
	}
}
