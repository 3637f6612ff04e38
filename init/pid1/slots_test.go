package pid1

import (
	"errors"
	"fmt"
	"testing"

	"bantam/slot"
	"bantam/switcher"
)

// slotsLoader is a boot loader whose slots are these.
type slotsLoader struct {
	switcher.FixedImage
	slots []switcher.Slot
	err   error
}

func (l slotsLoader) Slots() ([]switcher.Slot, error) { return l.slots, l.err }

func TestTheStatusHasTheNumbersOfWhatSlotsHold(t *testing.T) {
	one, other := switcher.DigestOf([]byte("one")), switcher.DigestOf([]byte("other"))
	list := []switcher.Listed{{Entry: switcher.Entry{Number: 3, Digest: one}}}
	l := slotsLoader{slots: []switcher.Slot{
		{Name: "A", Booted: true, Good: true, Generation: one},
		{Name: "B", First: true, Tries: 2, Generation: other},
		{Name: "B", Fault: slot.ErrEmpty.Error()},
	}}
	b := bootStatus(l, list)
	want := "[{A true false true 0 3 false } {B false true false 2 0 false } {B false false false 0 0 true " + slot.ErrEmpty.Error() + "}]"
	if got := fmt.Sprint(b.Slots); got != want || b.Why != "" {
		t.Errorf("got %s, want %s", got, want)
	}
	l = slotsLoader{err: errors.New("read error")}
	if b := bootStatus(l, list); b.Why != "read error" || b.Loader != "fixed-image" {
		t.Errorf("got %+v", b)
	}
}
