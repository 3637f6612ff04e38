package netcfg

import (
	"testing"
	"time"
)

func TestLooksLeaveMostOfAProcessorToOthers(t *testing.T) {
	for name, c := range map[string]struct {
		took  time.Duration // each look
		looks int
		least time.Duration // from the first look to the one after the last
		most  time.Duration
	}{
		"the slow looks of a start follow one another":      {200 * time.Millisecond, 4, 800 * time.Millisecond, 800 * time.Millisecond},
		"quick ones are only kept apart":                    {time.Millisecond, 100, (100 - quick) * debounce, 100 * debounce},
		"but for the first after some quiet":                {time.Millisecond, quick, quick * time.Millisecond, quick * time.Millisecond},
		"without end they get their share":                  {50 * time.Millisecond, 1000, 290 * time.Second, 300 * time.Second},
		"one that takes very long is not waited for longer": {20 * time.Second, 10, 209 * time.Second, 210 * time.Second},
	} {
		p, now := pace{}, time.Hour
		for range c.looks {
			now = max(p.next(now, now+c.took), now+c.took)
		}
		if took := now - time.Hour; took < c.least || took > c.most {
			t.Errorf("%s: %d looks of %v took %v, want %v to %v", name, c.looks, c.took, took, c.least, c.most)
		}
	}
}

func TestQuietIsSaved(t *testing.T) {
	p, now := pace{}, time.Hour
	for range 100 {
		now = max(p.next(now, now+100*time.Millisecond), now+100*time.Millisecond)
	}
	now += time.Minute
	if next := p.next(now, now+900*time.Millisecond); next > now+debounce {
		t.Errorf("after a minute of quiet the look after the next waits %v", next-now)
	}
}
