package switcher

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bantam/system"
)

// viewOf is the view of a machine that runs text.
func viewOf(t testing.TB, m *fakeMachine, text string) View {
	t.Helper()
	sys, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return target{system: sys}.view(m)
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
	router := viewOf(t, m, routerText)
	held := router.clone()
	held.Held = map[string]bool{"db": true}
	delete(held.Services, "db")
	known := router.clone()
	known.Before = map[string]string{"net.ipv4.ip_forward": "0"}
	for _, c := range []struct {
		name     string
		from, to View
	}{
		{"boot", View{}, router},
		{"shutdown", router, View{}},
		{"nothing", router, viewOf(t, m, "# a comment\n"+routerText)},
		{"a-service-in-the-middle-changes", router, viewOf(t, m, edit(`["app"]`+"\n", `["app", "-v"]`+"\n"))},
		{"a-service-goes", router, viewOf(t, m, edit("[service.vpn]\ncommand = [\"vpn\"]\non_change = \"none\"\n", ""))},
		{"policies-reload-and-none", router, viewOf(t, m, edit(`["logger"]`, `["logger", "-x"]`, `["vpn"]`, `["vpn", "-x"]`))},
		{"settings", router, viewOf(t, m, edit("router", "gate", `["wireguard"]`, `["nbd"]`, `"net.ipv4.ip_forward" = 1`, `"vm.swappiness" = 10`, "uid = 80", "uid = 81"))},
		{"a-sysctl-goes-whose-old-value-is-known", known, viewOf(t, m, edit(`"net.ipv4.ip_forward" = 1`, ""))},
		{"network", router, viewOf(t, m, edit(`ipv4 = "dhcp"`, `addresses = ["192.0.2.1/24"]`))},
		{"name-servers-only", router, viewOf(t, m, edit("9.9.9.9", "1.1.1.1"))},
		{"a-needed-service-is-stopped-by-hand", held, viewOf(t, m, edit(`["app"]`+"\n", `["app", "-v"]`+"\n", `["db"]`+"\n[", `["db", "-v"]`+"\n["))},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, "plan-"+c.name+".txt", PlanSwitch(c.from, c.to).String())
		})
	}
	dotted := PlanSwitch(viewOf(t, m, "[service.\"a.b\"]\ncommand = [\"x\"]\n"), viewOf(t, m, "[service.\"a.b\"]\ncommand = [\"y\"]\n"))
	if len(dotted.Steps) != 2 || !strings.Contains(dotted.Steps[0].Reason, `command: ["x"] -> ["y"]`) {
		t.Errorf("a name with a dot:\n%s", dotted)
	}
	data, err := json.MarshalIndent(PlanSwitch(router, viewOf(t, m, edit(`["logger"]`, `["logger", "-x"]`, "router", "gate"))), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", string(data)+"\n")
}

// randomView is a machine that runs some valid system.
func randomView(t testing.TB, r *rand.Rand, m *fakeMachine) View {
	var b strings.Builder
	fmt.Fprintf(&b, "hostname = \"h%d\"\n", r.IntN(3))
	fmt.Fprintf(&b, "modules = [%s]\n", []string{"", `"nbd"`, `"nbd", "wireguard"`}[r.IntN(3)])
	for _, k := range []string{"vm.swappiness", "net.ipv4.ip_forward"} {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "[sysctl]\n%q = %d\n", k, r.IntN(3))
			break
		}
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "[net.eth%d]\n", r.IntN(2))
	}
	for i := range 2 {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "[user.u%d]\nuid = %d\n", i, 10+10*i+r.IntN(2))
		}
	}
	var names []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if r.IntN(4) == 0 {
			continue
		}
		fmt.Fprintf(&b, "[service.%s]\ncommand = [\"%s\", \"%d\"]\n", name, name, r.IntN(2))
		fmt.Fprintf(&b, "on_change = %q\n", []string{"restart", "restart", "reload", "none"}[r.IntN(4)])
		for _, relation := range []string{"needs", "wants", "after"} {
			if len(names) > 0 && r.IntN(3) == 0 {
				fmt.Fprintf(&b, "%s = [%q]\n", relation, names[r.IntN(len(names))])
			}
		}
		names = append(names, name)
	}
	return viewOf(t, m, b.String())
}

func fold(v View, steps []Step, to View) View {
	for _, s := range steps {
		v = v.After(s, to)
	}
	return v
}

func TestPlanLeadsThereFromAnywhereAndBackFromEveryStep(t *testing.T) {
	m := newFakeMachine()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		from, to := randomView(t, r, m), randomView(t, r, m)
		if seed%10 == 0 {
			from = View{}
		}
		if names := sortedKeys(from.Services); len(names) > 0 && r.IntN(2) == 0 {
			from.Held = map[string]bool{names[0]: true}
			delete(from.Services, names[0])
		}
		from.Before = map[string]string{"vm.swappiness": "60", "net.ipv4.ip_forward": "0"}
		plan := PlanSwitch(from, to)
		there := fold(from, plan.Steps, to).Arrived(to)
		if again := PlanSwitch(there, to); len(again.Steps) > 0 {
			t.Fatalf("seed %d: a second switch to the same is not empty:\n%s", seed, again)
		}
		checkOrder(t, seed, plan, from, to)
		for n := range plan.Steps {
			halfway := fold(from, plan.Steps[:n+1], to)
			goal := from
			back := PlanSwitch(halfway, goal)
			arrived := fold(halfway, back.Steps, goal)
			if from.System == nil {
				if len(arrived.Services) > 0 || arrived.Network {
					t.Fatalf("seed %d: stopped after step %d: %v", seed, n+1, arrived.Services)
				}
				continue
			}
			if arrived.System.Hostname != from.System.Hostname || !reflect.DeepEqual(arrived.System.Users, orEmptyMap(from.System.Users)) ||
				!reflect.DeepEqual(arrived.System.Net, from.System.Net) || !sameSysctl(arrived, from) {
				t.Fatalf("seed %d: back from step %d of\n%sby\n%sis not where it began", seed, n+1, plan, back)
			}
			for name, want := range from.Services {
				if got := arrived.Services[name]; got != want {
					t.Fatalf("seed %d: back from step %d of\n%sby\n%sservice %s is %.20q, want %.20q", seed, n+1, plan, back, name, got, want)
				}
			}
			for name := range arrived.Services {
				if from.Services[name] == "" {
					t.Fatalf("seed %d: back from step %d: %s runs", seed, n+1, name)
				}
			}
		}
	}
}

func orEmptyMap(m map[string]system.User) map[string]system.User {
	if m == nil {
		return map[string]system.User{}
	}
	return m
}

// sameSysctl holds if every parameter has the value that it has in want, or that it had before.
func sameSysctl(got, want View) bool {
	value := func(v View, name string) string {
		if s, ok := v.System.Sysctl[name]; ok {
			return s
		}
		return want.Before[name]
	}
	for _, name := range []string{"vm.swappiness", "net.ipv4.ip_forward"} {
		if value(got, name) != value(want, name) {
			return false
		}
	}
	return true
}

// checkOrder looks whether what needs a service is stopped before it and started after it.
func checkOrder(t *testing.T, seed uint64, plan Plan, from, to View) {
	t.Helper()
	at := func(action Action, name string) int {
		return slices.IndexFunc(plan.Steps, func(s Step) bool {
			return s.Kind == KindService && s.Action == action && s.Name == name
		})
	}
	for name, service := range orEmpty(from.System).Services {
		for _, need := range service.Needs {
			mine, its := at(ActionStop, name), at(ActionStop, need)
			_, runs := from.Services[name]
			if its >= 0 && runs && (mine < 0 || mine > its) {
				t.Fatalf("seed %d: %s needs %s, which is stopped first:\n%s", seed, name, need, plan)
			}
		}
	}
	for name, service := range to.System.Services {
		for _, need := range service.Needs {
			if mine, its := at(ActionStart, name), at(ActionStart, need); its >= 0 && mine >= 0 && mine < its {
				t.Fatalf("seed %d: %s needs %s, which is started later:\n%s", seed, name, need, plan)
			}
		}
	}
	for name := range from.Held {
		if at(ActionStart, name) >= 0 || at(ActionStop, name) >= 0 {
			t.Fatalf("seed %d: %s was stopped by hand:\n%s", seed, name, plan)
		}
	}
}
