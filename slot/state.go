package slot

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// StateSize is one copy of the state, as GRUB's environment block or as U-Boot's environment: one sector, which disks write whole.
const StateSize = SectorSize

// Left says how often the boot loader may still start a slot by itself.
type Left uint8

// The loader counts a slot down from MaxTries to 0 and passes it over then; a Good one it starts without counting.
const (
	MaxTries      = 3
	Good     Left = MaxTries + 1
)

// String is how the state says it: "g", or the number of tries.
func (l Left) String() string {
	if l == Good {
		return "g"
	}
	return strconv.Itoa(int(l))
}

// State is what the loader decides by. The names of its variables are RAUC's, where there are some.
type State struct {
	Order []string // the slots that it tries, first to last, e.g. B, A
	LeftA Left
	LeftB Left
	Seq   uint32 // grows by one with each change by the device; the loader's counting leaves it
	Seen  string // the canary: the device writes Unseen, the loader the name of the slot that it is about to start; "": a loader that knows it not
	other []variable
}

const (
	orderKey = "BOOT_ORDER"
	leftAKey = "BOOT_A_LEFT"
	leftBKey = "BOOT_B_LEFT"
	seqKey   = "SEQ"
	seenKey  = "SEEN"
)

// Unseen is State.Seen until the loader has saved the state. Where that is still so when the machine runs, the loader saves
// nothing, or elsewhere.
const Unseen = "0"

// Delivered is the state of a new image, which has slot A alone.
var Delivered = State{Order: []string{A}, LeftA: Good, Seen: Unseen}

// Left is that of a slot.
func (s State) Left(name string) Left {
	if name == A {
		return s.LeftA
	}
	return s.LeftB
}

// WithLeft is the state with another number of tries of a slot.
func (s State) WithLeft(name string, l Left) State {
	if name == A {
		s.LeftA = l
	} else {
		s.LeftB = l
	}
	return s
}

// WithFirst is the state with a slot tried first and the other one, if it was tried at all, behind it.
func (s State) WithFirst(name string) State {
	order := []string{name}
	for _, other := range s.Order {
		if other != name {
			order = append(order, other)
		}
	}
	s.Order = order
	return s
}

// First is the slot that the loader tries first; "" if none.
func (s State) First() string {
	if len(s.Order) == 0 {
		return ""
	}
	return s.Order[0]
}

// Next is the state with the serial that makes it the newer one.
func (s State) Next() State {
	s.Seq++
	return s
}

// Equal tells whether two states say the same.
func (s State) Equal(o State) bool {
	return slices.Equal(s.Order, o.Order) && s.LeftA == o.LeftA && s.LeftB == o.LeftB && s.Seq == o.Seq && s.Seen == o.Seen && slices.Equal(s.other, o.other)
}

// Merge is what two readable copies stand for together: the newer one; of one age that of the first with the fewer tries left for
// each slot, because the loader may have counted in one alone.
func Merge(one, two State) State {
	switch {
	case newer(one.Seq, two.Seq):
		return one
	case newer(two.Seq, one.Seq):
		return two
	}
	one.LeftA, one.LeftB = min(one.LeftA, two.LeftA), min(one.LeftB, two.LeftB)
	if one.Seen == Unseen {
		one.Seen = two.Seen
	}
	return one
}

// newer compares serials that wrap.
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// variables are the state's, our own first.
func (s State) variables() ([]variable, error) {
	for i, name := range s.Order {
		if name != A && name != B || i > 0 && name == s.Order[0] || i > 1 {
			return nil, fmt.Errorf("state: order %q: want A, B or both", s.Order)
		}
	}
	if len(s.Order) == 0 || s.LeftA > Good || s.LeftB > Good {
		return nil, fmt.Errorf("state: order %q, tries left %d and %d", s.Order, s.LeftA, s.LeftB)
	}
	list := []variable{
		{orderKey, strings.Join(s.Order, " ")}, {leftAKey, s.LeftA.String()}, {leftBKey, s.LeftB.String()},
		{seqKey, strconv.FormatUint(uint64(s.Seq), 10)},
	}
	switch s.Seen {
	case "":
	case Unseen, A, B:
		list = append(list, variable{seenKey, s.Seen})
	default:
		return nil, fmt.Errorf("state: %s=%s: want %s, A or B", seenKey, s.Seen, Unseen)
	}
	return append(list, s.other...), nil
}

func stateOf(list []variable) (s State, err error) {
	found := 0
	for _, v := range list {
		found++
		switch v.Name {
		case orderKey:
			s.Order = strings.Split(v.Value, " ")
		case leftAKey:
			s.LeftA, err = parseLeft(v)
		case leftBKey:
			s.LeftB, err = parseLeft(v)
		case seqKey:
			var n uint64
			n, err = strconv.ParseUint(v.Value, 10, 32)
			if s.Seq = uint32(n); err == nil && v.Value != strconv.FormatUint(n, 10) {
				err = strconv.ErrSyntax
			}
		case seenKey:
			found--
			if s.Seen = v.Value; s.Seen == "" {
				err = strconv.ErrSyntax
			}
		default:
			found--
			s.other = append(s.other, v)
		}
		if err != nil {
			return s, fmt.Errorf("state: %s=%s: %w", v.Name, v.Value, err)
		}
	}
	if found != 4 {
		return s, errors.New("state: it is not complete")
	}
	_, err = s.variables() // the order
	return s, err
}

func parseLeft(v variable) (Left, error) {
	for l := range Good + 1 {
		if l.String() == v.Value {
			return l, nil
		}
	}
	return 0, fmt.Errorf("want g or 0 to %d", MaxTries)
}

// EncodeGRUB writes a copy for GRUB. What it knows not is kept.
func (s State) EncodeGRUB() ([]byte, error) {
	list, err := s.variables()
	if err != nil {
		return nil, err
	}
	return encodeBlock(StateSize, list)
}

// ParseGRUB reads a copy that EncodeGRUB or GRUB wrote.
func ParseGRUB(block []byte) (State, error) {
	if len(block) != StateSize {
		return State{}, fmt.Errorf("state: %d bytes, want %d", len(block), StateSize)
	}
	list, err := parseBlock(block)
	if err != nil {
		return State{}, err
	}
	return stateOf(list)
}

// EncodeUBoot writes a copy for U-Boot.
func (s State) EncodeUBoot() ([]byte, error) {
	list, err := s.variables()
	if err != nil {
		return nil, err
	}
	return encodeEnvironment(StateSize, list)
}

// ParseUBoot reads a copy that EncodeUBoot or U-Boot wrote.
func ParseUBoot(environment []byte) (State, error) {
	if len(environment) != StateSize {
		return State{}, fmt.Errorf("state: %d bytes, want %d", len(environment), StateSize)
	}
	list, err := parseEnvironment(environment)
	if err != nil {
		return State{}, err
	}
	return stateOf(list)
}
