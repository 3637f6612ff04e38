package pid1

import (
	"strings"
	"testing"

	"bantam/switcher"
)

func TestAGenerationIsMarkedByWhereItComesFrom(t *testing.T) {
	for _, c := range []struct {
		name   string
		listed switcher.Listed
		want   string
	}{
		{"the image's", switcher.Listed{Entry: switcher.Entry{Verb: switcher.ImageVerb}, Image: true, Slot: "A", Current: true, Default: true}, "running, default, image"},
		{"of a medium without slots", switcher.Listed{Entry: switcher.Entry{Verb: "import"}, Image: true}, "image"},
		{"imported, and started from slot B", switcher.Listed{Entry: switcher.Entry{Verb: "import"}, Image: true, Slot: "B", Default: true}, "default, started by slot B"},
		{"whose kernel lies in slot B", switcher.Listed{Slot: "B", OtherKernel: true}, "in slot B"},
		{"whose kernel lies nowhere", switcher.Listed{OtherKernel: true}, "other kernel"},
	} {
		if got := strings.Join(marks(c.listed), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
