package netcfg

import (
	"fmt"
	"testing"
	"time"

	"bantam/system"
)

// crowd has n ports with two fixed addresses and four routes each.
func crowd(t *testing.T, n int) (*fakeKernel, map[string]system.Net) {
	t.Helper()
	var names []string
	net := map[string]system.Net{}
	for i := range n {
		names = append(names, fmt.Sprintf("eth%d", i))
		p := static(fmt.Sprintf("10.%d.0.2/24", i), fmt.Sprintf("2001:db8:%x::2/64", i))
		for j := range 4 {
			p.Routes = append(p.Routes, system.Route{To: fmt.Sprintf("172.%d.%d.0/24", 16+j, i), Via: fmt.Sprintf("10.%d.0.1", i)})
		}
		net[names[i]] = p
	}
	return newFakeKernel(names...), net
}

// What a look at everything costs for a port does not grow with the number of
// the others: each list is sorted and searched once, not once for each port.
func TestTheCostOfALookGrowsWithWhatThereIsAndNoFaster(t *testing.T) {
	costs := func(n int) (look, plan float64) {
		k, net := crowd(t, n)
		owned := newOwned()
		fresh, _ := k.Observe()
		facts := Facts{Links: fresh.Links}
		plan = testing.AllocsPerRun(1, func() { Plan(Desired(net, system.DNS{}, facts).State, fresh, owned) })
		settle(t, k, &owned, net, Facts{})
		have, _ := k.Observe()
		facts.Links = have.Links
		look = testing.AllocsPerRun(1, func() {
			desired := Desired(net, system.DNS{}, facts)
			Plan(desired.State, have, owned)
			report(desired, have, nil, nil, time.Unix(0, 0).Add)
		})
		return look, plan
	}
	fewLook, fewPlan := costs(10)
	manyLook, manyPlan := costs(80)
	if manyLook > 10*fewLook || manyPlan > 10*fewPlan {
		t.Errorf("eight times the ports: a look %v -> %v allocations, a plan from nothing %v -> %v", fewLook, manyLook, fewPlan, manyPlan)
	}
}
