package plain

import (
	"errors"
	"fmt"
)

// recovery keeps unsaved text for the next start.
type recovery struct {
	s    *session
	kept int // the version of the text that is kept
}

// due tells whether there is something to be kept.
func (k *recovery) due() bool {
	s := k.s
	return s.opt.Keeper != nil && s.t.Modified() && s.t.Version() != k.kept
}

func (k *recovery) keep() error {
	if !k.due() {
		return nil
	}
	version := k.s.t.Version()
	if err := k.s.opt.Keeper.Keep(k.s.t.Snapshot(), k.s.file); err != nil {
		return err
	}
	k.kept = version
	return nil
}

// lost is the error for an end that nobody asked for, with unsaved text.
func (k *recovery) lost(cause error) error {
	if cause == nil {
		cause = errors.New("the input ended")
	}
	if k.s.opt.Keeper == nil {
		return fmt.Errorf("%w; the unsaved changes are lost", cause)
	}
	if err := k.keep(); err != nil {
		return fmt.Errorf("%w; the unsaved text could not be kept: %w", cause, err)
	}
	return fmt.Errorf("%w; the unsaved text is kept and will be offered at the next start", cause)
}
