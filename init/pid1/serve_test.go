package pid1

import (
	"testing"
	"time"

	"bantam/switcher"
)

func TestOnlyWhatCameWithTheImageIsSaidToHave(t *testing.T) {
	made := time.Date(2026, 11, 29, 16, 7, 0, 0, time.UTC)
	for _, c := range []struct {
		verb string
		slot bool // the machine was started from its boot slot
		want string
	}{
		{switcher.ImageVerb, true, "it came with the image"},
		{switcher.ImageVerb, false, "it came with the image"}, // an older image's
		{"import", true, "made by import at 2026-11-29 16:07"},
		{switcher.VerbSwitch, false, "made by switch at 2026-11-29 16:07"},
	} {
		if got := origin(switcher.Listed{Entry: switcher.Entry{Verb: c.verb, Created: made}, Image: c.slot}, time.Time.UTC); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
