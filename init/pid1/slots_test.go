package pid1

import (
	"errors"
	"fmt"
	"testing"

	"bantam/slot"
	"bantam/switcher"
)

func TestTheStatusHasTheNumbersOfWhatSlotsHold(t *testing.T) {
	one, other := switcher.DigestOf([]byte("one")), switcher.DigestOf([]byte("other"))
	list := []switcher.Listed{{Entry: switcher.Entry{Number: 3, Digest: one}}}
	slots := []switcher.Slot{
		{Name: "A", Booted: true, Good: true, Generation: one},
		{Name: "B", First: true, Tries: 2, Generation: other},
		{Name: "B", Fault: slot.ErrEmpty.Error()},
	}
	b := bootStatus(switcher.FixedImage{}, slots, nil, list)
	want := "[{A true false true 0 3 false } {B false true false 2 0 false } {B false false false 0 0 true " + slot.ErrEmpty.Error() + "}]"
	if got := fmt.Sprint(b.Slots); got != want || b.Why != "" {
		t.Errorf("got %s, want %s", got, want)
	}
	if b := bootStatus(switcher.FixedImage{}, nil, errors.New("read error"), list); b.Why != "read error" || b.Loader != "fixed-image" {
		t.Errorf("got %+v", b)
	}
}
