package switcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

// show says what a proof asks for.
func (p proof) show() string {
	text := fmt.Sprintf("%s since %v for %v in %v", strings.Join(p.services, "+"), p.since, p.settle, p.timeout)
	if p.patient {
		text += ", patient"
	}
	if p.network.config != "" {
		text += ", network applied"
	}
	if p.network.before.Online {
		text += ", online again"
	}
	if len(p.checks) > 0 {
		text += ", checks"
	}
	if p.confirm > 0 {
		text += fmt.Sprintf(", confirmed in %v", p.confirm)
	}
	return text
}

func TestWhatAProofAsksFor(t *testing.T) {
	sys := &system.System{
		Services: map[string]system.Service{"db": {}, "log": {}, "ntp": {MayFail: true}, "web": {}, "www": {}},
		Checks:   map[string]system.Check{"ping": {}},
		Proof:    system.Proof{Network: "auto", Settle: system.Duration(2 * time.Second), Timeout: system.Duration(time.Minute)},
	}
	touched := Plan{Steps: []Step{
		{Action: ActionStop, Kind: KindService, Name: "db"}, // it went, and is not started again
		{Action: ActionReload, Kind: KindNetwork, Name: system.NetworkService},
		{Action: ActionReload, Kind: KindService, Name: "log"},
		{Action: ActionStart, Kind: KindService, Name: "ntp"},
		{Action: ActionStart, Kind: KindService, Name: "web"},
	}}
	before := []ServiceState{
		{Name: "db", Phase: lifecycle.PhaseBackoff},
		{Name: "www", Phase: lifecycle.PhaseReady},
	}
	loop := []ServiceState{{Name: "www", Phase: lifecycle.PhaseReady, Looping: true}}
	online := NetworkState{Online: true}
	for _, c := range []struct {
		name string
		why  circumstances
		want string
	}{
		{"a switch to a good generation: what it touches and what worked", circumstances{occasion: onSwitch, good: true, plan: touched, services: before, network: online},
			"log+web+www since 1s for 2s in 1m0s, network applied, online again, checks"},
		{"a switch to a good generation that touches nothing", circumstances{occasion: onSwitch, good: true, services: before}, "www since 1s for 2s in 1m0s, checks"},
		{"what was crash-looping before did not work", circumstances{occasion: onSwitch, good: true, services: loop}, " since 1s for 2s in 1m0s, checks"},
		{"a switch to one that is not good: all of it", circumstances{occasion: onSwitch, services: before}, "db+log+web+www since 1s for 2s in 1m0s, checks"},
		{"with a person's word", circumstances{occasion: onSwitch, good: true, confirm: time.Second}, " since 1s for 2s in 1m0s, checks, confirmed in 1s"},
		{"a trial at boot: all of it", circumstances{occasion: onTrial, network: online}, "db+log+web+www since 1s for 2s in 1m0s, online again, checks"},
		{"a trial at boot of one that was good: also all of it", circumstances{occasion: onTrial, good: true}, "db+log+web+www since 1s for 2s in 1m0s, checks"},
		{"the boot of a good one: as far as it comes", circumstances{occasion: onBoot, good: true}, "db+log+web+www since 1s for 2s in 1m0s, patient"},
		{"the boot of the last one left, which becomes good by it", circumstances{occasion: onBoot}, "db+log+web+www since 1s for 2s in 1m0s, patient, checks"},
		{"the way back: what it touches and what worked", circumstances{occasion: onReturn, plan: touched, services: before, network: online},
			"log+web+www since 1s for 2s in 1m0s, patient, network applied, online again"},
	} {
		c.why.to, c.why.began, c.why.config = sys, time.Second, DigestOf(nil)
		if got := proofFor(c.why).show(); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}
