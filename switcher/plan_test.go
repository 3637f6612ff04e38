package switcher

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"bantam/lifecycle"
	"bantam/system"
)

// desiredOf is what text asks of m.
func desiredOf(t testing.TB, m *fakeMachine, text string) Desired {
	t.Helper()
	sys, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d, err := (&Switcher{machine: bind(m)}).desire(target{system: sys})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// observedOf is a machine on which all of text runs.
func observedOf(t testing.TB, m *fakeMachine, text string) Observed {
	t.Helper()
	d := desiredOf(t, m, text)
	o := Observed{System: d.System, Items: d.Items, memory: memory{parameters: map[string]parameter{}}}
	for name, print := range d.fingerprints() {
		o.Services = append(o.Services, ServiceState{Name: name, Phase: lifecycle.PhaseReady, PID: 100, Wanted: true, Fingerprint: print, Defined: print})
	}
	slices.SortFunc(o.Services, func(a, b ServiceState) int { return strings.Compare(a.Name, b.Name) })
	for name, value := range d.Items[KindSysctl] {
		o.memory.parameters[name] = parameter{asked: value, got: value, set: true}
	}
	return o
}

// but is o with another state of a service.
func (o Observed) but(name string, change func(*ServiceState)) Observed {
	o.Services, o.Items = slices.Clone(o.Services), maps.Clone(o.Items)
	for i := range o.Services {
		if o.Services[i].Name == name {
			change(&o.Services[i])
		}
	}
	o.Items[KindService], _ = serviceKind{}.observe(nil, &o, Desired{})
	return o
}

const routerText = `hostname = "router"
modules = ["wireguard"]
[sysctl]
"net.ipv4.ip_forward" = 1
[dns]
servers = ["9.9.9.9"]
[net.eth0]
ipv4 = "dhcp"
[user.www]
uid = 80
[service.db]
command = ["db"]
[service.app]
command = ["app"]
needs = ["db"]
[service.web]
command = ["httpd"]
user = "www"
needs = ["app"]
wants = ["log"]
[service.log]
command = ["logger"]
on_change = "reload"
[service.vpn]
command = ["vpn"]
on_change = "none"
`

func TestPlans(t *testing.T) {
	edit := func(pairs ...string) string {
		text := routerText
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("no %q", pairs[i])
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		return text
	}
	m := newFakeMachine()
	router := observedOf(t, m, routerText)
	held := router.but("db", func(s *ServiceState) {
		s.ByHand, s.Wanted, s.Phase, s.Fingerprint = true, false, lifecycle.PhaseDown, ""
	})
	down := func(phase lifecycle.Phase, reason string) func(*ServiceState) {
		return func(s *ServiceState) { s.Phase, s.PID, s.Stuck, s.Reason, s.Fingerprint = phase, 0, true, reason, "" }
	}
	known := observedOf(t, m, routerText)
	known.memory.parameters["net.ipv4.ip_forward"] = parameter{before: "0", known: true, asked: "1", got: "1", set: true}
	changed := observedOf(t, m, routerText)
	changed.Items[KindHostname], changed.Items[KindSysctl] = Items{hostnameItem: "mine"}, Items{"net.ipv4.ip_forward": "0"}
	changed.Items[KindUser], changed.Items[KindModule] = Items{"www": "81:81"}, nil
	once := func(commands ...string) Observed {
		var pairs []string
		for _, command := range commands {
			pairs = append(pairs, command, command+"\nready = \"exited\"")
		}
		o := observedOf(t, m, edit(pairs...))
		for _, name := range []string{"vpn", "log"} {
			o = o.but(name, func(s *ServiceState) { s.PID = 0 })
		}
		return o
	}
	for _, c := range []struct {
		name string
		from Observed
		to   Desired
	}{
		{"boot", Observed{}, desiredOf(t, m, routerText)},
		{"shutdown", router, Desired{}},
		{"nothing", router, desiredOf(t, m, "# a comment\n"+routerText)},
		{"a-service-in-the-middle-changes", router, desiredOf(t, m, edit(`["app"]`+"\n", `["app", "-v"]`+"\n"))},
		{"a-service-goes", router, desiredOf(t, m, edit("[service.vpn]\ncommand = [\"vpn\"]\non_change = \"none\"\n", ""))},
		{"zones-come", router, desiredOf(t, m, edit("[net.eth0]\n", "[net.eth0]\nzone = \"wan\"\n"))},
		{"zones-go", observedOf(t, m, edit("[net.eth0]\n", "[net.eth0]\nzone = \"wan\"\n")), desiredOf(t, m, routerText)},
		{"policies-reload-and-none", router, desiredOf(t, m, edit(`["logger"]`, `["logger", "-x"]`, `["vpn"]`, `["vpn", "-x"]`))},
		{"settings", router, desiredOf(t, m, edit("router", "gate", `["wireguard"]`, `["nbd"]`, `"net.ipv4.ip_forward" = 1`, `"vm.swappiness" = 10`, "uid = 80", "uid = 81"))},
		{"a-sysctl-goes-whose-old-value-is-known", known, desiredOf(t, m, edit(`"net.ipv4.ip_forward" = 1`, ""))},
		{"network", router, desiredOf(t, m, edit(`ipv4 = "dhcp"`, `addresses = ["192.0.2.1/24"]`))},
		{"name-servers-only", router, desiredOf(t, m, edit("9.9.9.9", "1.1.1.1"))},
		{"a-needed-service-is-stopped-by-hand", held, desiredOf(t, m, edit(`["app"]`+"\n", `["app", "-v"]`+"\n", `["db"]`+"\n[", `["db", "-v"]`+"\n["))},
		{"what-has-failed-is-started", router.but("app", down(lifecycle.PhaseFailed, "exit status 1")), desiredOf(t, m, routerText)},
		{"what-has-ended-well-stays-down", router.but("app", down(lifecycle.PhaseDown, "exit status 0")), desiredOf(t, m, routerText)},
		{"what-is-down-takes-its-new-definition-whatever-its-policy", router.but("vpn", down(lifecycle.PhaseBackoff, "exit status 1")),
			desiredOf(t, m, edit(`["vpn"]`, `["vpn", "-x"]`))},
		{"what-crash-loops-takes-its-new-definition-whatever-its-policy", router.but("vpn", func(s *ServiceState) { s.Looping = true }),
			desiredOf(t, m, edit(`["vpn"]`, `["vpn", "-x"]`))},
		{"a-one-shot-that-becomes-a-service-is-started-whatever-its-policy", once(`["vpn"]`), desiredOf(t, m, edit(`["vpn"]`, `["vpn", "-x"]`))},
		{"a-one-shot-that-stays-one-is-kept-by-none-and-done-again-by-reload", once(`["vpn"]`, `["logger"]`),
			desiredOf(t, m, edit(`["vpn"]`, `["vpn", "-x"]`+"\nready = \"exited\"", `["logger"]`, `["logger", "-x"]`+"\nready = \"exited\""))},
		{"what-waits-comes-by-itself", router.but("app", down(lifecycle.PhaseDown, "waits for db: exit status 1")), desiredOf(t, m, routerText)},
		{"what-somebody-has-changed-is-set-again", changed, desiredOf(t, m, routerText)},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, "plan-"+c.name+".txt", planSwitch(c.from, c.to, nil).String())
		})
	}
	dotted := planSwitch(observedOf(t, m, "[service.\"a.b\"]\ncommand = [\"x\"]\n"), desiredOf(t, m, "[service.\"a.b\"]\ncommand = [\"y\"]\n"), nil)
	if len(dotted.Steps) != 2 || !strings.Contains(dotted.Steps[0].Reason, `command: ["x"] -> ["y"]`) {
		t.Errorf("a name with a dot:\n%s", dotted)
	}
	data, err := json.MarshalIndent(planSwitch(router, desiredOf(t, m, edit(`["logger"]`, `["logger", "-x"]`, "router", "gate")), nil), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", string(data)+"\n")
}
