package timesync

import (
	"slices"
	"testing"
	"time"
)

func TestWhoIsBelieved(t *testing.T) {
	ms := time.Millisecond
	at := func(offset, distance time.Duration) Sample {
		return Sample{Zero: built.Add(offset), Distance: distance}
	}
	for _, tt := range []struct {
		name    string
		samples []Sample
		want    []int
		nearest int
	}{
		{"nobody", nil, nil, 0},
		{"the only one", []Sample{at(0, 10*ms)}, []int{0}, 0},
		{"two that agree", []Sample{at(0, 10*ms), at(15*ms, 8*ms)}, []int{0, 1}, 1},
		{"of two that do not agree neither", []Sample{at(0, 10*ms), at(time.Hour, 10*ms)}, nil, 0},
		{"a liar among three", []Sample{at(-time.Hour, ms), at(0, 10*ms), at(5*ms, 20*ms)}, []int{1, 2}, 1},
		{"a liar of decades among three", []Sample{at(0, 10*ms), at(40*365*24*time.Hour, ms), at(5*ms, 20*ms)}, []int{0, 2}, 0},
		{"two that lie alike among five", []Sample{at(time.Hour, ms), at(0, 10*ms), at(time.Hour, ms), at(ms, 10*ms), at(2*ms, 9*ms)}, []int{1, 3, 4}, 4},
		{"two that lie alike among four", []Sample{at(time.Hour, ms), at(0, 10*ms), at(time.Hour, ms), at(ms, 10*ms)}, nil, 0},
		{"three that say three things", []Sample{at(0, ms), at(time.Hour, ms), at(2*time.Hour, ms)}, nil, 0},
		{"a vague one decides nothing", []Sample{at(0, ms), at(0, 2*time.Hour), at(time.Hour, ms)}, []int{0, 1}, 0},
		{"intervals that only touch", []Sample{at(0, 10*ms), at(20*ms, 10*ms)}, []int{0, 1}, 0},
	} {
		got := agreed(tt.samples)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		} else if got != nil && nearest(tt.samples, got) != tt.nearest {
			t.Errorf("%s: the nearest is %d, want %d", tt.name, nearest(tt.samples, got), tt.nearest)
		}
	}
}

// Whatever fewer than half say, the others are the group.
func FuzzAMinorityNeverDecides(f *testing.F) {
	f.Add(int64(0), int64(1e6), int64(5e9), int64(7), uint8(3))
	f.Fuzz(func(t *testing.T, a, b, far, width int64, n uint8) {
		const honest = 50 * time.Millisecond
		liars := int(n % 4)
		var samples []Sample
		for i := range liars {
			off := time.Duration(far + int64(i)*b)
			if off.Abs() < time.Second || off.Abs() > 100*365*24*time.Hour {
				return
			}
			samples = append(samples, Sample{Zero: built.Add(off), Distance: time.Duration(width & 0x1fffffff % int64(time.Second/2))})
		}
		for i := range liars + 1 {
			off := time.Duration((a + int64(i)*b) % int64(honest))
			samples = append(samples, Sample{Zero: built.Add(off), Distance: honest})
		}
		got := agreed(samples)
		for _, i := range got {
			if i < liars {
				t.Errorf("liar %d of %d is believed: %+v", i, liars, samples)
			}
		}
		if len(got) != liars+1 {
			t.Errorf("of %d only %v are believed", liars+1, got)
		}
	})
}
