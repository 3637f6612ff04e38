package switcher

import (
	"errors"
	"fmt"
	"slices"
)

// lastGood is the generation that proved itself last, running left out, of those that can run when
// r asks for it.
func (s *Switcher) lastGood(running int, r Request) (target, error) {
	record := s.recordNow()
	numbers := []int{record.Default, record.Previous}
	for _, e := range slices.Backward(record.Entries) {
		numbers = append(numbers, e.Number)
	}
	var faults []error
	for i, number := range numbers {
		e := record.entry(number)
		if e == nil || e.State != StateGood || e.PassedOver || number == running || slices.Contains(numbers[:i], number) {
			continue
		}
		to, err := s.aim(*e, r)
		if err == nil {
			return to, nil
		}
		faults = append(faults, fmt.Errorf("generation %d: %w", number, withCommand(err, VerbRollback, number)))
	}
	return target{}, errors.Join(append([]error{errors.New("no other generation that can run has proven itself")}, faults...)...)
}
