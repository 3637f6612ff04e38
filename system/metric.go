package system

import (
	"slices"
	"strings"
)

// maxMetric is the largest metric of a port: behind it there is room for the
// default routes of router advertisements, in 31 bits.
const maxMetric = 1000000

// metricRange is where the metrics of one sort of ports lie.
type metricRange struct {
	prefix    string // of the names, e.g. "wl" of wlan0 and wlp3s0
	plain     string // the name, without its number, whose first port has the first metric
	base, len int
}

// metricRanges are tried in this order. A cable comes before Wi-Fi and Wi-Fi
// before what is paid by the byte.
var metricRanges = []metricRange{{"wl", "wlan", 600, 100}, {"ww", "wwan", 700, 100}, {"", "eth", 100, 500}}

// defaultMetric is what a port has of itself. Only its name counts, so that no
// other port, and no order in which drivers come, changes it: eth0 has 100 and
// eth7 107. A port of another name lies, with its number, behind a multiple of
// ten that is its name's.
func defaultMetric(port string) int {
	i := slices.IndexFunc(metricRanges, func(r metricRange) bool { return strings.HasPrefix(port, r.prefix) })
	r := metricRanges[i]
	number, name, hash := 0, make([]byte, 0, len(port)), uint32(2166136261) // FNV-1a
	for _, c := range []byte(port) {
		if c >= '0' && c <= '9' {
			number = (10*number + int(c-'0')) % r.len
			continue
		}
		name = append(name, c)
		hash = (hash ^ uint32(c)) * 16777619
	}
	if string(name) != r.plain {
		number += 10 * (1 + int(hash%uint32(r.len/10-1)))
	}
	return r.base + number%r.len
}

// Metrics gives each of the ports its metric: the one that net says, else the
// default of its name. Where several have one default, which is rare, the first by
// name keeps it; the others, which are moved, have the next that no port has. No
// two ports have the same, as the kernel would let one's route replace the other's.
func Metrics(ports []string, net map[string]Net) (metrics map[string]int, moved []string) {
	metrics = make(map[string]int, len(ports))
	taken := make(map[int]bool, len(ports))
	take := func(port string, metric int) bool {
		if taken[metric] {
			return false
		}
		metrics[port], taken[metric] = metric, true
		return true
	}
	ports = slices.Sorted(slices.Values(ports))
	var rest []string
	for _, port := range ports {
		if m := net[port].Metric; m == 0 || !take(port, m) {
			rest = append(rest, port)
		}
	}
	for _, port := range rest {
		if !take(port, defaultMetric(port)) {
			moved = append(moved, port)
		}
	}
	for _, port := range moved { // last, so that one that is moved moves no other
		for m := defaultMetric(port); !take(port, m); m++ {
		}
	}
	return metrics, moved
}

// checkMetric checks the metric of a port. owners has those of the ports before it.
func (r *reader) checkMetric(p *port, owners map[int]string) {
	n := p.node.Get("metric")
	switch {
	case !ok(n):
	case p.Metric < 1 || p.Metric > maxMetric:
		r.fail(n, "", "%s.metric: %d is not between 1 and %d", p.path, p.Metric, maxMetric)
	case owners[p.Metric] != "":
		r.fail(n, "give one of them another", "%s.metric: %d is the metric of %s already, and of two ports with one metric only one gets its routes",
			p.path, p.Metric, owners[p.Metric])
	default:
		owners[p.Metric] = p.path
	}
}
