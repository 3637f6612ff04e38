package netcfg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"bantam/system"

	"golang.org/x/sys/unix"
)

// ReadQueues tells of those that are ours.
func (k *fakeKernel) ReadQueues(into *State, _ State) error {
	maps.Copy(into.Queues, k.Queues)
	maps.Copy(into.Redirects, k.Redirects)
	return nil
}

// changeShape leads nothing to a link that is not there or not up, where it would be lost, and has a place once.
func (k *fakeKernel) changeShape(o Op) error {
	_, led := k.Redirects[o.Link]
	switch o.Verb {
	case SetQueue:
		k.Queues[o.Link] = Queue{o.Queue.Rate, "cake"}
	case RemoveQueue:
		if _, is := k.Queues[o.Link]; !is {
			return unix.ENOENT
		}
		delete(k.Queues, o.Link)
	case Redirect:
		if to := k.Links[o.Value]; to.Index == 0 || !to.Up {
			return unix.ENODEV
		}
		k.Redirects[o.Link] = o.Value
	case RemoveRedirect:
		if !led {
			return unix.ENOENT
		}
		delete(k.Redirects, o.Link)
	}
	return nil
}

// swallowed are the links that lose all that comes in.
func (k *fakeKernel) swallowed() (links []string) {
	for from, to := range k.Redirects {
		if !k.Links[to].Up {
			links = append(links, from)
		}
	}
	return links
}

const shaped = "[net.eth0]\nshape = { down = \"90 Mbit\", up = \"17.5 Mbit\" }\n"

func TestALineIsShapedBothWays(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	done, problems := settle(t, k, &owned, parsedNet(t, shaped), Facts{})
	wants(t, done, "make ifb ifb-eth0", "up eth0", "up ifb-eth0", "shape eth0 17.5 Mbit", "shape ifb-eth0 90 Mbit", "redirect eth0 ifb-eth0")
	if len(problems) > 0 || k.Sysctls["net/ipv6/conf/ifb-eth0/disable_ipv6"] != "1" {
		t.Errorf("problems %q, parameters %v", problems, k.Sysctls)
	}
	have, _ := k.Observe()
	k.ReadQueues(&have, State{})
	if got, want := have.shaped("eth0"), "in 90 Mbit by cake, out 17.5 Mbit by cake"; got != want {
		t.Errorf("it is told as %q, want %q", got, want)
	}
	// Another rate is all that changes.
	done, _ = settle(t, k, &owned, parsedNet(t, strings.Replace(shaped, "90 M", "40 M", 1)), Facts{})
	wants(t, done, "shape ifb-eth0 40 Mbit")
	done, _ = settle(t, k, &owned, parsedNet(t, "[net.eth0]\nshape = { up = \"17.5 Mbit\" }\n"), Facts{})
	wants(t, done, "remove redirect eth0", "delete ifb-eth0")
	done, _ = settle(t, k, &owned, parsedNet(t, "[net.eth0]\n"), Facts{})
	wants(t, done, "remove shape eth0")
	if len(k.Queues)+len(k.Redirects)+len(k.Links) != 1 {
		t.Errorf("left %v %v", k.Shaped, k.Links)
	}
}

// Whatever has become of it, one plan puts it right, also that of a new process, and nothing is swallowed after any step of a plan that
// did not find it so.
func TestShapingIsPutRight(t *testing.T) {
	for name, spoil := range map[string]func(*fakeKernel){
		"the queue is gone":       func(k *fakeKernel) { delete(k.Queues, "eth0") },
		"the rate is another one": func(k *fakeKernel) { k.Queues["ifb-eth0"] = Queue{1, "cake"} },
		"it was begun only":       func(k *fakeKernel) { k.Queues["eth0"] = Queue{0, "htb"} },
		"the redirection is gone": func(k *fakeKernel) { delete(k.Redirects, "eth0") },
		"the link is gone":        func(k *fakeKernel) { k.remove("ifb-eth0") },
		"the link is down":        func(k *fakeKernel) { k.down("ifb-eth0") },
		"the port is another one": func(k *fakeKernel) {
			k.forget("eth0")
			k.plug("eth0", Link{Index: 9, Ethernet: true, Hardware: true, Carrier: true})
		},
		"all is as it was": func(*fakeKernel) {},
		"a port nobody names has": func(k *fakeKernel) {
			k.Queues["eth7"] = Queue{7, "cake"}
			k.plug("eth7", Link{Index: 10, Ethernet: true})
		},
		"the port was set down":    func(k *fakeKernel) { k.down("eth0") },
		"the link was marked anew": func(k *fakeKernel) { l := k.Links["eth0"]; l.Mark = Foreign; k.Links["eth0"] = l },
	} {
		k, owned := newFakeKernel("eth0"), newOwned()
		settle(t, k, &owned, parsedNet(t, shaped), Facts{})
		want := fmt.Sprint(k.Shaped)
		spoil(k)
		fresh := newOwned()
		if _, problems := settle(t, k, &fresh, parsedNet(t, shaped), Facts{}); len(problems) > 0 {
			t.Errorf("%s: %q", name, problems)
		}
		if got := fmt.Sprint(k.Shaped); got != want || len(k.swallowed()) > 0 {
			t.Errorf("%s: %s, want %s; swallowed %q", name, got, want, k.swallowed())
		}
	}
}

func TestNoStepOfAPlanSwallowsWhatComesIn(t *testing.T) {
	renamed := "[net.wan]\nmatch = { port = \"eth0\" }\nshape = { down = \"90 Mbit\" }\n"
	texts := []string{shaped, "[net.eth0]\n", renamed, strings.ReplaceAll(renamed, "net.wan", "net.dsl"), "[net.eth1]\n", shaped + "[net.v]\nvlan = { parent = \"eth0\", id = 7 }\nshape = { down = \"1 Mbit\" }\n",
		"[net.v]\nvlan = { parent = \"eth0\", id = 8 }\nshape = { down = \"1 Mbit\" }\n"}
	for i, from := range texts {
		for j, to := range texts {
			k, owned := newFakeKernel("eth0", "eth1"), newOwned()
			settle(t, k, &owned, parsedNet(t, from), Facts{})
			for range rounds {
				have, _ := k.Observe()
				desired := Desired(parsedNet(t, to), system.DNS{}, Facts{Links: have.Links})
				k.ReadQueues(&have, desired.State)
				ops, _ := Plan(desired.State, have, owned)
				for _, o := range ops {
					if err := k.Apply(o); err != nil && (o.Verb == SetQueue || o.Verb == RemoveQueue || o.Verb == Redirect || o.Verb == RemoveRedirect) {
						t.Errorf("%d to %d: %v: %v in %q", i, j, o, err, told(ops))
					}
					owned.Done(o, have)
					if lost := k.swallowed(); len(lost) > 0 {
						t.Errorf("%d to %d: after %v %q swallow what comes in: %q", i, j, o, lost, told(ops))
					}
				}
			}
			k2, owned2 := newFakeKernel("eth0", "eth1"), newOwned()
			settle(t, k2, &owned2, parsedNet(t, to), Facts{})
			if got, want := fmt.Sprint(k.Shaped), fmt.Sprint(k2.Shaped); got != want {
				t.Errorf("%d to %d: %s, want %s", i, j, got, want)
			}
		}
	}
}

// A session's link comes and goes, and with it what limits it.
func TestASessionIsShapedWhileItStands(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	net := parsedNet(t, "[net.wan]\npppoe = { port = \"eth0\", user = \"u\", password = { secret = \"p\" } }\nshape = { down = \"90 Mbit\", up = \"20 Mbit\" }\n")
	settle(t, k, &owned, net, Facts{})
	if len(k.Queues) > 0 || len(k.Links) != 1 {
		t.Errorf("without a session: %v", k.Shaped)
	}
	for range 2 {
		k.plug("wan", Link{Index: 20 + len(k.Links), Up: true, Carrier: true})
		settle(t, k, &owned, net, Facts{})
		if k.Queues["wan"].Rate != 2500000 || k.Queues["ifb-wan"].Rate != 11250000 || k.Redirects["wan"] != "ifb-wan" {
			t.Errorf("with a session: %v", k.Shaped)
		}
		k.remove("wan")
		settle(t, k, &owned, net, Facts{})
		if len(k.Queues)+len(k.Redirects) > 0 || len(k.Links) != 1 {
			t.Errorf("behind a session: %v %v", k.Shaped, slices.Sorted(maps.Keys(k.Links)))
		}
	}
}

func TestAnIFBOfSomebodyElseIsNotUsed(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	k.plug("ifb-eth0", Link{Index: 50, Kind: "dummy", Make: Make{Kind: "dummy"}, Up: true})
	_, problems := settle(t, k, &owned, parsedNet(t, shaped), Facts{})
	if len(problems) != 1 || !strings.Contains(problems[0], "ifb-eth0: there is a link of that name") || len(k.Redirects) > 0 || len(k.Queues) != 1 {
		t.Errorf("%q %v", problems, k.Shaped)
	}
}

// What the kernel sends may be anything.
func FuzzTC(f *testing.F) {
	header := tcMessage(2, queueHandle, tcRoot, ourFilter())
	whole := slices.Clone(header)
	whole.AddText(tcaKind, "cake")
	whole.Nest(tcaData, cakeData(1000, true))
	class := slices.Clone(header)
	class.Nest(tcaData, classData(8000))
	for _, seed := range [][]byte{nil, header, whole, class} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, ok := readTC(b); ok {
			s.cakeRateOf()
			s.htbRateOf()
			s.redirectTo()
		}
	})
}

func TestWhatIsSentIsReadAgain(t *testing.T) {
	cake := tcMessage(2, queueHandle, tcRoot, 0)
	cake.AddText(tcaKind, "cake")
	cake.Nest(tcaData, cakeData(11250000, true))
	class := tcMessage(2, queueClass, queueHandle, 0)
	class.Nest(tcaData, classData(11250000))
	if s, ok := readTC(cake); !ok || s.index != 2 || s.handle != queueHandle || s.kind != "cake" || s.cakeRateOf() != 11250000 {
		t.Errorf("got %+v", s)
	}
	if s, ok := readTC(class); !ok || s.parent != queueHandle || s.htbRateOf() != 11250000 {
		t.Errorf("got %+v", s)
	}
}
