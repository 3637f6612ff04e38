package supervise

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"bantam/boottime"
)

// Pauses between looks at a group that should become empty. The kernel tells
// of a cgroup through inotify only; the last process of a group is nearly
// always a child or an orphan of ours, and then SIGCHLD comes first.
const (
	sweepFirst = 5 * time.Millisecond
	sweepMost  = 500 * time.Millisecond
)

// Run does the work until ctx ends. It leaves running services alone.
func (s *Supervisor) Run(ctx context.Context) (err error) {
	Guard("supervisor", func() {
		defer close(s.ended)
		err = s.run(ctx)
	})
	return err
}

func (s *Supervisor) run(ctx context.Context) error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	s.null = null
	deadline := time.NewTimer(0)
	defer deadline.Stop()
	sweep := time.NewTimer(time.Hour)
	defer sweep.Stop()
	tick := time.NewTicker(tickMost)
	defer tick.Stop()
	s.options.Tick()
	s.reap() // a child may have ended before SIGCHLD was asked for
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.sigchld:
			s.reap()
			s.sweepIn = sweepFirst
			s.sweep()
		case f := <-s.calls:
			f()
		case <-deadline.C:
			s.step(Tick{})
		case <-sweep.C:
			s.sweepIn = min(2*s.sweepIn, sweepMost)
			s.sweep()
		case <-tick.C:
			s.options.Tick()
		}
		deadline.Stop()
		if at := s.engine.Deadline(); at != 0 {
			deadline.Reset(max(at-boottime.Now(), 0))
		}
		sweep.Stop()
		if len(s.dying) > 0 {
			sweep.Reset(max(s.sweepIn, sweepFirst))
		}
	}
}

// reap takes every child that has ended: SIGCHLD does not say how many.
func (s *Supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		p := s.pids[pid]
		if p == nil {
			s.orphans++
			continue
		}
		delete(s.pids, pid)
		p.reaped, p.status = true, status
		s.exited(p)
	}
}

// exited goes on with a process that has ended, once the shim's report has
// been read too: they come by different ways, and the report says why.
func (s *Supervisor) exited(p *process) {
	if !p.reaped || !p.reported {
		return
	}
	empty := s.groups.empty(p)
	oom := s.groups.oomKills(p) > p.oomBefore
	if p.once != nil {
		p.once.exit(p)
	}
	if empty {
		s.gone(p) // before the engine knows, which may start the next one at once
	} else {
		s.dying[p] = true
		s.sweepIn = sweepFirst
	}
	switch {
	case p.once != nil && p.once.spare:
	case p.once != nil:
		s.groups.kill(p)
	case p.failed != nil:
		s.step(*p.failed)
	default:
		s.drain(p.name)
		s.step(Exited{p.name, p.serial, p.status, oom, empty})
	}
}

// sweep looks which groups have become empty.
func (s *Supervisor) sweep() {
	for p := range s.dying {
		if !s.groups.empty(p) {
			continue
		}
		delete(s.dying, p)
		s.gone(p)
		if p.once == nil {
			s.drain(p.name)
			s.step(Empty{p.name, p.serial})
		}
	}
}

// gone lets go of what was held for p, whose last process has ended.
func (s *Supervisor) gone(p *process) {
	close(p.gone)
	s.groups.remove(p)
	if s.current[p.name] == p {
		delete(s.current, p.name)
	}
	if p.notify != nil {
		p.notify.Close()
	}
	if p.once != nil {
		close(p.once.done)
	}
}

func (s *Supervisor) drain(service string) {
	if p := s.pipes[service]; p != nil {
		p.drain()
	}
}

// step gives an event to the engine and does what it says.
func (s *Supervisor) step(event Event) {
	queue := []Event{event}
	for len(queue) > 0 {
		event, queue = queue[0], queue[1:]
		for _, action := range s.engine.Step(boottime.Now(), event) {
			if answer := s.act(action); answer != nil {
				queue = append(queue, answer)
			}
		}
	}
	if s.engine.changed {
		s.engine.changed = false
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

// act does one action and returns the event that answers it, if any.
func (s *Supervisor) act(action Action) Event {
	switch a := action.(type) {
	case Spawn:
		p, err := s.spawn(a)
		if err != nil {
			if errors.Is(err, errFrozen) {
				return SpawnFailed{a.Definition.Name, a.Serial, stageFrozen, syscall.EBUSY}
			}
			if lack := Lack(""); errors.As(err, &lack) {
				return SpawnFailed{a.Definition.Name, a.Serial, lack.Error(), 0}
			}
			return SpawnFailed{a.Definition.Name, a.Serial, stageFork, errnoOf(err)}
		}
		return Spawned{p.name, p.serial, p.pid}
	case Signal:
		// A reaped PID may be somebody else's by now.
		if p := s.current[a.Name]; p != nil && p.serial == a.Serial && !p.reaped {
			syscall.Kill(p.pid, a.Signal)
			if a.Continue {
				syscall.Kill(p.pid, syscall.SIGCONT)
			}
		}
	case Kill:
		if p := s.current[a.Name]; p != nil && p.serial == a.Serial {
			s.groups.kill(p)
		}
	case Note:
		s.Note(a.Name, a.Text)
	case Forget:
		if p := s.pipes[a.Name]; p != nil {
			p.close()
			delete(s.pipes, a.Name)
		}
	}
	return nil
}

// killAll ends every process of every service without asking.
func (s *Supervisor) killAll() {
	for _, p := range s.current {
		s.groups.kill(p)
	}
	s.groups.killTree()
}
