package switcher

import (
	"strings"
	"testing"
)

// parametersMachine has parameters that change one another, as the kernel has them.
func parametersMachine(t *testing.T) (*Switcher, *fakeMachine) {
	s, m, _ := bootedMachine(t)
	for _, pair := range [][2]string{
		{"net.ipv4.conf.all.accept_redirects", "1"}, {"vm.dirty_bytes", "0"}, {"vm.dirty_ratio", "20"},
		{"net.ipv6.conf.all.proxy_ndp", "0"}, {"net.ipv6.conf.eth0.proxy_ndp", "0"},
		{"kernel.fixed", "0"}, {"net.ipv4.neigh.default.retrans_time_ms", "1000"},
	} {
		m.sysctl[pair[0]] = pair[1]
	}
	m.kernel = func(have map[string]string, name, value string) {
		switch name {
		case "net.ipv4.ip_forward":
			have["net.ipv4.conf.all.accept_redirects"] = map[string]string{"0": "1", "1": "0"}[value]
		case "net.ipv6.conf.all.proxy_ndp":
			have["net.ipv6.conf.eth0.proxy_ndp"] = value
		case "vm.dirty_bytes":
			have["vm.dirty_ratio"] = "0"
		case "vm.dirty_ratio":
			have["vm.dirty_bytes"] = "0"
		case "kernel.fixed":
			have[name] = "0"
		case "net.ipv4.neigh.default.retrans_time_ms":
			have[name] = "1004"
		}
	}
	return s, m
}

func wantParameters(t *testing.T, m *fakeMachine, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := m.sysctl[want[i]]; got != want[i+1] {
			t.Errorf("%s is %s, want %s", want[i], got, want[i+1])
		}
	}
}

const (
	forwarding = "net.ipv4.ip_forward"
	redirect   = "net.ipv4.conf.all.accept_redirects"
)

func TestParametersThatChangeOthers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		texts []string // one switch after the other; "=" separates name and value
		want  []string
	}{
		{"forwarding is set before what it changes", []string{forwarding + "=1 " + redirect + "=1"}, []string{forwarding, "1", redirect, "1"}},
		{"old values are those before the first was set", []string{forwarding + "=1 " + redirect + "=0", ""}, []string{forwarding, "0", redirect, "1"}},
		{"also where the other came later", []string{forwarding + "=1", forwarding + "=1 " + redirect + "=1", ""}, []string{forwarding, "0", redirect, "1"}},
		{"what stays is set again", []string{forwarding + "=1 " + redirect + "=0", redirect + "=0"}, []string{forwarding, "0", redirect, "0"}},
		{"all interfaces before one", []string{"net.ipv6.conf.eth0.proxy_ndp=0 net.ipv6.conf.all.proxy_ndp=1"},
			[]string{"net.ipv6.conf.all.proxy_ndp", "1", "net.ipv6.conf.eth0.proxy_ndp", "0"}},
		{"one of a pair comes and goes", []string{"vm.dirty_bytes=4096", ""}, []string{"vm.dirty_bytes", "0", "vm.dirty_ratio", "20"}},
		{"one of a pair after the other", []string{"vm.dirty_bytes=4096", "vm.dirty_ratio=5"}, []string{"vm.dirty_bytes", "0", "vm.dirty_ratio", "5"}},
		{"the kernel rounds", []string{"net.ipv4.neigh.default.retrans_time_ms=1001"}, []string{"net.ipv4.neigh.default.retrans_time_ms", "1004"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, m := parametersMachine(t)
			for _, text := range tt.texts {
				wantExit(t, switchTo(t, s, VerbSwitch, parametersText(text)), ExitGood)
			}
			wantParameters(t, m, tt.want...)
		})
	}
}

func parametersText(pairs string) string {
	text := "[sysctl]\n"
	for _, pair := range strings.Fields(pairs) {
		name, value, _ := strings.Cut(pair, "=")
		text += name + " = " + value + "\n"
	}
	return text
}

func TestParameterThatDoesNotHoldIsAFailure(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"the kernel keeps what it has", "kernel.fixed=1", `set sysctl kernel.fixed = 1: the kernel takes the value but stays at "0"`},
		{"another one takes it away", "vm.dirty_bytes=4096 vm.dirty_ratio=5", `vm.dirty_bytes = 4096: it does not hold: another parameter made "0" of it`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, m := parametersMachine(t)
			r := switchTo(t, s, VerbSwitch, parametersText(tt.text))
			wantExit(t, r, ExitReverted)
			if !strings.Contains(r.Reason, tt.want) {
				t.Errorf("got %q, want %q in it", r.Reason, tt.want)
			}
			wantParameters(t, m, "vm.dirty_bytes", "0", "vm.dirty_ratio", "20")
		})
	}
}

func TestSameParameter(t *testing.T) {
	for _, tt := range []struct {
		name, written, read string
		want                bool
	}{
		{"a number", "1", "1", true},
		{"another number", "1", "0", false},
		{"hexadecimal", "0x10", "16", true},
		{"several numbers", "4096 87380 6291456", "4096\t87380\t6291456", true},
		{"the first of several", "4", "4\t4\t1\t7", true},
		{"more than it has", "1 2", "1", false},
		{"a word", "cubic", "cubic", true},
		{"another word", "bbr", "cubic", false},
		{"a number that is told by a word", "1", "enabled", true},
		{"text with blanks", "|/bin/cat %p", "|/bin/cat %p", true},
		{"empty", "", "", true},
		{"empty, but it has something", "", "core", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sameParameter(tt.written, tt.read); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
