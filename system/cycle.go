package system

import (
	"slices"
	"strings"

	"bantam/lifecycle"
	"bantam/system/syntax"
)

// cycleShown is how many services of a long circle are named at each end.
const cycleShown = 10

// edge is one wait of a service for another.
type edge struct {
	word, to string // e.g. needs db
	node     *syntax.Node
}

func (r *reader) edges(name string) []edge {
	v, n := r.system.Services[name], r.root.Get("service", name)
	var edges []edge
	add := func(word string, names []string) {
		for i, to := range names {
			edges = append(edges, edge{word, to, n.Get(word).Item(i)})
		}
	}
	add("needs", v.Needs)
	add("wants", v.Wants)
	add("after", v.After)
	return edges
}

// checkCycles reports each wait that closes a circle, with the whole path.
func (r *reader) checkCycles() {
	found := 0
	lifecycle.Order(sortedKeys(r.system.Services), r.edges, func(e edge) string { return e.to }, func(circle []edge) {
		last := circle[len(circle)-1]
		if !ok(last.node) || found >= maxProblems {
			return
		}
		found++
		var path []string
		from := last.to
		for _, e := range circle {
			path = append(path, from+" "+e.word)
			from = e.to
		}
		if len(path) > 2*cycleShown {
			path = slices.Replace(path, cycleShown, len(path)-cycleShown, "...")
		}
		r.fail(last.node, "remove one of these waits", "services wait for each other: %s %s", strings.Join(path, " "), last.to)
	})
}

// waitsFor reports whether a service is, or waits directly or by others for, another one.
func (r *reader) waitsFor(name, other string) bool {
	seen, queue := map[string]bool{}, []string{name}
	for len(queue) > 0 {
		name, queue = queue[0], queue[1:]
		if name == other {
			return true
		}
		v, exists := r.system.Services[name]
		if !exists || seen[name] {
			continue
		}
		seen[name] = true
		queue = slices.Concat(queue, v.Needs, v.Wants, v.After)
	}
	return false
}
