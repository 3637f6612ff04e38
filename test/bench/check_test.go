package main

import (
	"slices"
	"testing"
)

func TestALossOfMoreThanThreePercentIsTold(t *testing.T) {
	known := map[string]float64{"time": 100, "memory": 40, "gone": 7}
	for _, c := range []struct {
		name string
		now  map[string]float64
		want []string
	}{
		{"the same", map[string]float64{"time": 100, "memory": 40}, nil},
		{"better", map[string]float64{"time": 50, "memory": 39}, nil},
		{"a little worse", map[string]float64{"time": 102.9, "memory": 41.1}, nil},
		{"worse", map[string]float64{"time": 103.1, "memory": 41.3}, []string{"memory: 41.3, recorded 40.0", "time: 103.1, recorded 100.0"}},
		{"new", map[string]float64{"other": 1}, nil},
	} {
		if got := losses(known, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
