package switcher

import (
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

// proof is what has to be seen of a machine before its generation is trusted.
// proofFor makes it, and nobody changes it.
type proof struct {
	system   *system.System // what must be, as far as nobody stops it by hand
	services []string       // of it must be ready, and stay so
	since    time.Duration  // from then on none of them may go down by itself
	settle   time.Duration  // time for which they must all have been ready
	patient  bool           // one that went down and will be started again is waited for
	network  networkProof
	checks   map[string]system.Check // must succeed once after that
	timeout  time.Duration           // for all of it
	confirm  time.Duration           // then a person must confirm within this time; 0: nobody is asked
}

// networkProof is the network's part.
//
// With mode "auto" the machine has to be as connected as it was: if it was
// online, it has to be again, and what it had of IPv4 and of IPv6, an address
// and a default route, it needs again: a router's advertisement is no substitute
// for the gateway that was lost. What was not there is not asked for.
// "required" wants it online whatever was before; zones and ports that are named
// have to be there, and nothing else. In all modes a configurator that was told
// to must have applied the new settings.
type networkProof struct {
	mode   string // "auto", "required" or "off", or there are wants
	wants  []system.NetworkWant
	config string       // hex digest that must have been applied; "": the network was not touched
	before NetworkState // the switch
	routed bool         // before, by one of the families; which one is not known
}

// occasion is why a machine has to prove something.
type occasion int

const (
	onSwitch occasion = iota // a switch, test or rollback
	onTrial                  // the boot of a generation that is being tried
	onBoot                   // the boot of a trusted one, or of the last one left: it is started and kept anyway
	onReturn                 // the way back to what ran before
)

// circumstances are everything that a proof depends on.
type circumstances struct {
	occasion occasion
	good     bool // the generation has passed a proof before
	plan     Plan
	to       *system.System
	config   Digest         // of its text
	began    time.Duration  // Machine.Now before the first step
	services []ServiceState // as they were when all was right
	network  NetworkState   // likewise
	routed   bool           // likewise, by a family that nobody has noted
	confirm  time.Duration
}

// proofFor says what has to be seen. A generation that is not good yet is proven
// whole, and so is one that boots; of a good one what the plan touches, and what
// worked before, has to work again.
//
// What is trusted anyway is waited for with patience, because going elsewhere
// would help nobody, and is not checked again.
func proofFor(c circumstances) proof {
	p := proof{
		system:  c.to,
		since:   c.began,
		settle:  time.Duration(c.to.Proof.Settle),
		patient: c.occasion == onBoot || c.occasion == onReturn,
		network: networkProof{mode: string(c.to.Proof.Network), wants: c.to.NetworkWants(), before: c.network, routed: c.routed},
		checks:  c.to.Checks,
		timeout: time.Duration(c.to.Proof.Timeout),
		confirm: c.confirm,
	}
	if c.occasion == onReturn || c.occasion == onBoot && c.good {
		p.checks = nil
	}
	whole := c.occasion == onTrial || c.occasion == onBoot || c.occasion == onSwitch && !c.good
	wanted := map[string]bool{}
	for _, s := range c.services {
		if s.Phase == lifecycle.PhaseReady && !s.Looping { // one that was crash-looping did not work
			wanted[s.Name] = true
		}
	}
	for _, step := range c.plan.Steps {
		switch {
		case step.Kind == KindService && step.Action != ActionStop:
			wanted[step.Name] = true
		case step.Kind == KindNetwork:
			p.network.config = c.config.Hex()
		}
	}
	for _, name := range startOrder(c.to.Services) {
		if (whole || wanted[name]) && !c.to.Services[name].MayFail {
			p.services = append(p.services, name)
		}
	}
	return p
}
