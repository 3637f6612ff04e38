package statevolume

import "testing"

func TestGrowingGoesInStepsOfWhatAPowerCutMayTake(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		steps    int
	}{
		{16 << 20, 16 << 20, 0},
		{17 << 20, 16 << 20, 0},
		{4 << 30, 5 << 30, 1},
		{4 << 30, growStep, 1},
		{growStep, 2*growStep + 4096, 2},
		{4 << 30, 12 << 40, 192},
	} {
		sizes := growSteps(c.from, c.to)
		at := c.from
		for _, size := range sizes {
			if size <= at || size-at > growStep {
				t.Errorf("%d to %d: a step from %d to %d", c.from, c.to, at, size)
			}
			at = size
		}
		if len(sizes) != c.steps || c.steps > 0 && at != c.to {
			t.Errorf("%d to %d: got %d steps that end at %d, want %d", c.from, c.to, len(sizes), at, c.steps)
		}
	}
	v := Volume{Kind: OnDisk, place: Place{First: 2048, Last: 2047 + 8<<21}, fileSystem: 4 << 30}
	if got := v.CanGrow(); got != 8<<30 {
		t.Errorf("4 of 8 GiB: got %d", got)
	}
	v.Kind = Untrusted
	if got := v.CanGrow(); got != 0 {
		t.Errorf("a volume that nobody uses grows to %d", got)
	}
}
