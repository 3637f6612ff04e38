package supervise

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"bantam/lifecycle"
)

// What lacks is tried again, also by a policy that starts nothing twice, and each process gets what is there at its start.
func TestASecretIsGivenToEachProcessAtItsStart(t *testing.T) {
	if !asInit(t) {
		return
	}
	var value atomic.Value
	complete := func(def Definition) ([]string, error) {
		v, known := value.Load().(string)
		if len(def.Secrets) > 0 && !known {
			return nil, Lack("secret " + def.Secrets["TOKEN"])
		}
		return []string{"TOKEN=" + v}, nil
	}
	r := superviseWith(t, Options{Cgroup: mountCgroup(t), Complete: complete})
	once := Definition{Name: "once", Argv: shell("echo once $TOKEN $OTHER"), Env: []string{"OTHER=x"}, Secrets: map[string]string{"TOKEN": "web"}, Ready: lifecycle.ReadyExited}
	r.run(once)
	r.within("it says what it lacks", func() bool {
		return r.state("once").Reason == "waits for secret web"
	})
	value.Store("first")
	r.await(lifecycle.PhaseReady, "once")
	value.Store("second")
	r.must(r.Restart(ByPlan, "once"))
	r.within("it got both", func() bool {
		return strings.Contains(strings.Join(r.output("once"), "\n"), "once first x\nonce second x")
	})
	states, err := r.States()
	text, fault := json.Marshal(states)
	if err != nil || fault != nil || strings.Contains(string(text), "second") {
		t.Errorf("%s, %v, %v", text, err, fault)
	}
	for _, line := range r.Log("once", 100) {
		if line.Note && (strings.Contains(line.Text, "first") || strings.Contains(line.Text, "second")) {
			t.Errorf("the supervisor says %q", line.Text)
		}
	}
}

func TestAFingerprintKnowsWhichSecretsAndFoldersAServiceHas(t *testing.T) {
	none := func(string) (string, error) { return "d", nil }
	print := func(d Definition) string { d.Argv = []string{"x"}; return Fingerprint(d, none) }
	seen := map[string]bool{}
	for _, d := range []Definition{
		{}, {Secrets: map[string]string{"A": "a"}}, {Secrets: map[string]string{"A": "b"}}, {Secrets: map[string]string{"B": "a"}},
		{Env: []string{"A=a"}}, {State: []string{"/var/lib/a"}}, {State: []string{"/var/lib/b"}},
	} {
		seen[print(d)] = true
	}
	if len(seen) != 7 {
		t.Errorf("%d fingerprints", len(seen))
	}
}
