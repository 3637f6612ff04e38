package shell

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one child of the shell.
type process struct {
	pid     int
	name    string // argv[0]
	begun   time.Time
	stopped bool
	done    bool
	status  syscall.WaitStatus
}

// job is the processes of one statement. Its fields are guarded by the table.
type job struct {
	id         int // 0 until it is in the background or stopped
	text       string
	pgid       int // of its living processes, 0 when there are none
	processes  []*process
	foreground bool
	list       bool // a list run inside the shell, ended by the done word
	listDone   bool
	killed     bool
	killer     syscall.Signal // what killed it
	notified   bool           // its end was told or waited for
	status     int
	saved      *termios // terminal settings at the time it was stopped
	changed    chan struct{}
}

// jobTable holds the jobs that a user can name, and the lock of all jobs.
type jobTable struct {
	sync.Mutex
	jobs map[int]*job
}

func newJobTable() *jobTable { return &jobTable{jobs: map[int]*job{}} }

// new makes a job that has no number yet.
func (t *jobTable) new(text string) *job {
	return &job{text: text, changed: make(chan struct{})}
}

// add gives the job the next number.
func (t *jobTable) add(j *job) {
	t.Lock()
	defer t.Unlock()
	if j.id != 0 {
		return
	}
	for id := range t.jobs {
		j.id = max(j.id, id)
	}
	j.id++
	t.jobs[j.id] = j
}

// signalChange wakes all who wait for the job. The table must be locked.
func (j *job) signalChange() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// state is "running", "stopped" or "done". The table must be locked.
func (j *job) state() string {
	stopped, running := false, j.list && !j.listDone
	for _, p := range j.processes {
		switch {
		case p.done:
		case p.stopped:
			stopped = true
		default:
			running = true
		}
	}
	switch {
	case stopped:
		return "stopped"
	case running:
		return "running"
	}
	return "done"
}

// result is the exit status of a job that is done. The table must be locked.
func (j *job) result() int {
	if n := len(j.processes); !j.list && n > 0 {
		return waitCode(j.processes[n-1].status)
	}
	return j.status
}

// end says how a job ended: "done", the signal that killed it, or "exit 3". The table must be locked.
func (j *job) end() string {
	code := j.result()
	switch n := len(j.processes); {
	case code == 0:
		return "done"
	case !j.list && n > 0 && j.processes[n-1].status.Signaled(), j.list && code > 128:
		return syscall.Signal(code - 128).String()
	}
	return fmt.Sprintf("exit %d", code)
}

// waitCode is a wait status as the shell's $?.
func waitCode(status syscall.WaitStatus) int {
	switch {
	case status.Signaled():
		return 128 + int(status.Signal())
	case status.Stopped():
		return 128 + int(status.StopSignal())
	}
	return status.ExitStatus()
}

// wait blocks until done says so or the context ends. done runs locked.
func (t *jobTable) wait(ctx context.Context, j *job, done func() bool) error {
	for {
		t.Lock()
		ok, changed := done(), j.changed
		t.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// find resolves %N, %+, %-, %name, a process id of a job, or "" for the newest.
func (t *jobTable) find(spec string) (*job, error) {
	t.Lock()
	defer t.Unlock()
	ids := make([]int, 0, len(t.jobs))
	for id := range t.jobs {
		ids = append(ids, id)
	}
	sort.Ints(ids)
	name, isJob := strings.CutPrefix(spec, "%")
	if spec == "" || name == "+" || name == "%" || (isJob && name == "") {
		// The newest stopped job is the current one, else the newest of all.
		for i := len(ids) - 1; i >= 0; i-- {
			if t.jobs[ids[i]].state() == "stopped" {
				return t.jobs[ids[i]], nil
			}
		}
		if len(ids) > 0 {
			return t.jobs[ids[len(ids)-1]], nil
		}
		return nil, fmt.Errorf("no current job")
	}
	if name == "-" && len(ids) > 1 {
		return t.jobs[ids[len(ids)-2]], nil
	}
	number, err := strconv.Atoi(name)
	for i := len(ids) - 1; i >= 0; i-- {
		j := t.jobs[ids[i]]
		switch {
		case isJob && err == nil && j.id == number,
			isJob && err != nil && strings.HasPrefix(j.text, name):
			return j, nil
		case !isJob && err == nil:
			for _, p := range j.processes {
				if p.pid == number {
					return j, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("%s: no such job", spec)
}

// all lists the numbered jobs in order.
func (t *jobTable) all() []*job {
	t.Lock()
	defer t.Unlock()
	jobs := make([]*job, 0, len(t.jobs))
	for _, j := range t.jobs {
		jobs = append(jobs, j)
	}
	sort.Slice(jobs, func(a, b int) bool { return jobs[a].id < jobs[b].id })
	return jobs
}

// remove forgets a job.
func (t *jobTable) remove(j *job) {
	t.Lock()
	delete(t.jobs, j.id)
	t.Unlock()
}

// signal sends sig to all living processes of the job; a job that is stopped
// and shall end must also be continued. A list inside the shell ends when its
// next command would start.
func (t *jobTable) signal(j *job, sig syscall.Signal) error {
	t.Lock()
	defer t.Unlock()
	if j.list && sig != syscall.SIGCONT && sig != syscall.SIGSTOP && sig != 0 {
		j.killed, j.killer = true, sig
		defer j.signalChange()
	}
	if j.state() == "done" {
		return syscall.ESRCH
	}
	for _, p := range j.processes {
		if p.done {
			continue
		}
		if err := syscall.Kill(p.pid, sig); err != nil {
			return err
		}
		if sig == syscall.SIGCONT {
			p.stopped = false
		} else if p.stopped && (sig == syscall.SIGTERM || sig == syscall.SIGHUP) {
			syscall.Kill(p.pid, syscall.SIGCONT)
		}
	}
	return nil
}
