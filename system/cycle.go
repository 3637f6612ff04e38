package system

import (
	"slices"
	"strings"
)

// cycleShown is how many services of a long circle are named at each end.
const cycleShown = 10

// edge is one wait of a service for another.
type edge struct {
	word, to string // e.g. needs db
	node     *node
}

func (r *reader) edges(name string) []edge {
	v, n := r.system.Services[name], r.root.get("service", name)
	var edges []edge
	add := func(word string, names []string) {
		for i, to := range names {
			edges = append(edges, edge{word, to, n.get(word).item(i)})
		}
	}
	add("needs", v.Needs)
	add("wants", v.Wants)
	add("after", v.After)
	return edges
}

// checkCycles reports each wait that closes a circle, with the whole path.
// The walk has its own stack: the file decides how deep it goes.
func (r *reader) checkCycles() {
	const walking, done = 1, 2
	state := make(map[string]int)
	found := 0
	type frame struct {
		name  string
		edges []edge
	}
	for _, start := range sortedKeys(r.system.Services) {
		if state[start] != 0 {
			continue
		}
		stack := []frame{{start, r.edges(start)}}
		state[start] = walking
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.edges) == 0 {
				state[top.name] = done
				stack = stack[:len(stack)-1]
				continue
			}
			e := top.edges[0]
			if _, exists := r.system.Services[e.to]; exists && state[e.to] == 0 {
				state[e.to] = walking
				stack = append(stack, frame{e.to, r.edges(e.to)})
				continue
			}
			if state[e.to] == walking && ok(e.node) && found < maxProblems {
				found++
				var path []string
				for _, f := range stack {
					if len(path) > 0 || f.name == e.to {
						path = append(path, f.name+" "+f.edges[0].word)
					}
				}
				if len(path) > 2*cycleShown {
					path = slices.Replace(path, cycleShown, len(path)-cycleShown, "...")
				}
				r.fail(e.node, "remove one of these waits", "services wait for each other: %s %s", strings.Join(path, " "), e.to)
			}
			top.edges = top.edges[1:]
		}
	}
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
