package pid1

import (
	"context"
	"errors"
	"fmt"

	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/system"
)

var _ switcher.Machine = (*Machine)(nil)

// CanStart looks at the service's program and folder with the eyes of its user.
func (m *Machine) CanStart(service system.Service, sys *system.System) (notes []string, err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), lookLimit, errNoAnswer)
	defer cancel()
	notes, err = look(ctx, m.looks, service.Command[0]+" "+service.Dir, func() ([]string, error) {
		def := serviceDefinition("", service, sys)
		return supervise.CanStart(def, m.state.withState(service, int(def.UID), int(def.GID), supervise.LookAt))
	})
	switch {
	case errors.Is(err, errBusy): // that of others is no reason to refuse this one
		return append(notes, fmt.Sprintf("%s: %v", service.Command[0], err)), nil
	case errors.Is(err, errNoAnswer):
		err = fmt.Errorf("%s, or its folder %s: %w", service.Command[0], service.Dir, err)
	}
	return notes, err
}
