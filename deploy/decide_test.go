package deploy

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"bantam/images/signing"
	"bantam/init/control"
	"bantam/signature"
	"bantam/switcher"
	"bantam/system"
)

func parsed(t *testing.T, text string) *system.System {
	t.Helper()
	sys, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return sys
}

const rootsKey = "[user.root]\nauthorized_keys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKb8OZQ2G5Wv2wMUAtT6v0o0mTVxY7bq2jLFoIvGnTYb']\n"

func newKey(t *testing.T) signature.PublicKey {
	t.Helper()
	key, err := signing.Generate(signing.Types[0])
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

func TestWhatIsRefusedBeforeAnythingIsBuilt(t *testing.T) {
	here, there, foreign := newKey(t), newKey(t), newKey(t)
	trusting := "[trust]\nkeys = ['" + here.Line() + "', '" + there.Line() + "']\n"
	machine := func(change func(*Machine)) *Machine {
		m := &Machine{Connection: &Connection{host: "gate.example"}, User: "root", Running: parsed(t, rootsKey),
			Status: Status{Hostname: "gate", Board: "pc", Lasting: true, Storage: "/dev/vda8"}}
		change(m)
		return m
	}
	as := func(*Machine) {}
	trusts := func(m *Machine) { m.Running = parsed(t, rootsKey+trusting) }
	wanted := Wanted{Board: "pc", System: parsed(t, rootsKey)}
	with := func(change func(*Wanted)) Wanted {
		w := wanted
		change(&w)
		return w
	}
	for _, c := range []struct {
		claim  string
		change func(*Machine)
		wanted Wanted
		want   string // "": nothing speaks against it
	}{
		{"nothing", as, wanted, ""},
		{"another board", as, with(func(w *Wanted) { w.Board = "qemu-arm64" }), "gate is board pc, not qemu-arm64"},
		{"no state volume", func(m *Machine) { m.Lasting, m.Storage = false, "in memory: this medium runs from memory" }, wanted, "gate has no state volume (in memory: this medium runs from memory): the next boot"},
		{"a machine without a name", func(m *Machine) { m.Lasting, m.Hostname = false, "" }, wanted, "gate.example has no state volume"},
		{"a machine that takes only what is signed", trusts, wanted, "takes only what is signed by " + here.String() + " or " + there.String() + ": --key FILE"},
		{"signed with one of these", trusts, with(func(w *Wanted) { w.Key = &there }), ""},
		{"signed with another", trusts, with(func(w *Wanted) { w.Key = &foreign }), ", and --key is " + foreign.String()},
		{"signed without need", as, with(func(w *Wanted) { w.Key = &foreign }), ""},
		{"built already: the machine looks for a signature", trusts, with(func(w *Wanted) { w.System = nil }), ""},
		{"a machine whose system.toml is not understood here", func(m *Machine) { m.Running = nil }, wanted, ""},
		{"nobody could log in", as, with(func(w *Wanted) { w.System = parsed(t, "") }), "root could not log in any more, only nobody, and so nobody would confirm it: [user.root]"},
		{"another user could", as, with(func(w *Wanted) {
			w.System = parsed(t, strings.Replace(rootsKey, "[user.root]", "[user.ada]\nuid = 1000", 1))
		}), "root could not log in any more, only ada"},
		{"another user could, and is named", as, with(func(w *Wanted) { w.System, w.Then = parsed(t, ""), "ada@gate" }), ""},
		{"another port", as, with(func(w *Wanted) { w.System = parsed(t, rootsKey+"[ssh]\nport = 2200\n") }), "SSH is at port 2200, no longer at 22: say where the machine is to be reached then, e.g. --then ssh://root@HOST:2200"},
		{"another port, which is named", as, with(func(w *Wanted) { w.System, w.Then = parsed(t, rootsKey+"[ssh]\nport = 2200\n"), "ssh://root@gate:2200" }), ""},
	} {
		err := machine(c.change).Refuse(c.wanted)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.claim, err, c.want)
		}
	}
}

func TestHowFarATrialIsByTheMachinesStatus(t *testing.T) {
	for _, c := range []struct {
		claim  string
		status Status
		ahead  bool // a reboot
		want   stage
	}{
		{"steps under way", Status{Generation: 1, State: "good", Default: 1, Busy: "switch to generation 2"}, false, underWay},
		{"its own proof", Status{Generation: 2, State: "untried", Default: 1, Busy: "switch to generation 2"}, false, underWay},
		{"it waits", Status{Generation: 2, State: "untried", Default: 1, Busy: "switch", Confirms: true}, false, confirming},
		{"somebody else's switch waits", Status{Generation: 3, State: "untried", Default: 1, Busy: "switch", Confirms: true}, false, underWay},
		{"proven", Status{Generation: 2, State: "good", Default: 2}, false, proven},
		{"proven, and the record not yet written", Status{Generation: 2, State: "untried", Default: 1}, false, underWay},
		{"back", Status{Generation: 1, State: "good", Default: 1}, false, wentBack},
		{"on its way back", Status{Generation: 2, State: "bad", Default: 1, Busy: "switch to generation 2"}, false, underWay},

		{"about to reboot", Status{Generation: 1, State: "good", Default: 1, Tries: 2}, true, underWay},
		{"about to reboot, its tries not yet written", Status{Generation: 1, State: "good", Default: 1}, true, underWay},
		{"starting", Status{Default: 1, Busy: "start of generation 2", Tries: 2}, false, underWay},
		{"started, and being proven", Status{Generation: 2, State: "untried", Default: 1, Busy: "start"}, false, underWay},
		{"started, and it waits", Status{Generation: 2, State: "untried", Default: 1, Busy: "start", Confirms: true}, false, confirming},
		{"proven after the reboot", Status{Generation: 2, State: "good", Default: 2}, false, proven},
		{"the power went: one more try", Status{Generation: 1, State: "good", Default: 1, Tries: 2}, false, underWay},
		{"back after the reboot", Status{Generation: 1, State: "good", Default: 1}, false, wentBack},
		{"back, and still starting", Status{Generation: 1, State: "good", Default: 1, Busy: "start of generation 1"}, false, underWay},
	} {
		if got := stageOf(c.status, 2, c.ahead); got != c.want {
			t.Errorf("%s: %d, want %d", c.claim, got, c.want)
		}
	}
}

// What the device's packages write is what is read here.
func TestAnswersAreThoseOfTheDevice(t *testing.T) {
	text, err := json.Marshal(control.Status{Hostname: "gate", Version: "v1", Board: "pc", Kernel: "6.1", Began: 5, Generation: 2, State: switcher.StateGood, Default: 3, Tries: 4,
		Busy: "switch", Confirms: true, Storage: "there", Lasting: true})
	if err != nil {
		t.Fatal(err)
	}
	var got Status
	want := Status{Hostname: "gate", Version: "v1", Board: "pc", Kernel: "6.1", Began: 5, Generation: 2, State: switcher.StateGood, Default: 3, Tries: 4, Busy: "switch", Confirms: true, Storage: "there", Lasting: true}
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	var line told
	if text, err = json.Marshal(switcher.Event{Text: "x", Step: 1, Total: 2, Confirm: 3}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &line); err != nil || !reflect.DeepEqual(line, told{Text: "x", Step: 1, Total: 2, Confirm: 3}) {
		t.Errorf("%+v, %v", line, err)
	}
	if text, err = json.Marshal(switcher.Result{Exit: 0, Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	line = told{}
	if err := json.Unmarshal(text, &line); err != nil || line.Exit == nil || *line.Exit != 0 || line.Reason != "why" {
		t.Errorf("%+v, %v", line, err)
	}
}
