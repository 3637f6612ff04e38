package pid1

import (
	"errors"
	"fmt"
	"time"

	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/system"
)

var _ switcher.Machine = (*Machine)(nil)

// A file system may not answer: one of the network whose server is gone never does.
const (
	lookLimit = 5 * time.Second  // for what is there
	readLimit = 30 * time.Second // for the bytes of a program
	mostLooks = 8                // threads that wait for an answer, perhaps for ever
)

var errNoAnswer = errors.New("its file system does not answer")

// CanStart looks at the service's program and folder with the eyes of its user.
func (m *Machine) CanStart(service system.Service, users map[string]system.User) (notes []string, err error) {
	notes, err = inTime(m.looks, lookLimit, func() ([]string, error) {
		return supervise.CanStart(serviceDefinition("", service, users), supervise.LookAt)
	})
	if errors.Is(err, errNoAnswer) {
		err = fmt.Errorf("%s, or its folder %s: %w", service.Command[0], service.Dir, err)
	}
	return notes, err
}

// digestInTime is digest for a file system that may not answer.
func (m *Machine) digestInTime(path string) (string, error) {
	return inTime(m.looks, readLimit, func() (string, error) { return m.digest(path) })
}

// inTime is what f returns, or errNoAnswer if it takes longer than limit. It is
// left to itself then and keeps one of the places.
func inTime[T any](places chan struct{}, limit time.Duration, f func() (T, error)) (T, error) {
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	over := time.NewTimer(limit)
	defer over.Stop()
	select {
	case places <- struct{}{}:
		go Guard("look at a file", func() {
			defer func() { <-places }()
			result, err := f()
			done <- outcome{result, err}
		})
	case <-over.C:
		return outcome{}.result, errNoAnswer
	}
	select {
	case o := <-done:
		return o.result, o.err
	case <-over.C:
		return outcome{}.result, errNoAnswer
	}
}
