package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/lifecycle"
)

// ShimName is the argv[0] under which the binary's main calls ShimMain.
const ShimName = "bantam-exec"

// process is one child of PID 1 and the group it lives in. It belongs to the loop.
type process struct {
	name      string // of the service; "" for a one-off
	serial    uint64
	pid       int
	group     string // its cgroup's directory; "" is the process group
	reaped    bool
	status    syscall.WaitStatus
	stages    []string     // of the calls that its page makes; nil: the shim is Go's
	reported  bool         // the shim has become its program or said why not
	failed    *SpawnFailed // what it said
	oomBefore int
	notify    *os.File
	gone      chan struct{} // closed when the group is empty
	once      *Once
}

// spawn forks the shim for a service.
func (s *Supervisor) spawn(a Spawn) (*process, error) {
	def := a.Definition
	more, err := s.options.Complete(def)
	if err != nil {
		return nil, err
	}
	def.Env = append(def.Env[:len(def.Env):len(def.Env)], more...)
	p := &process{name: def.Name, serial: a.Serial}
	log := s.pipes[def.Name]
	if log == nil {
		if log, err = openLogPipe(def.Name, &s.logs); err != nil {
			return nil, err
		}
		s.pipes[def.Name] = log
	}
	// The last process may have changed that for all who write there.
	syscall.SetNonblock(int(log.write.Fd()), false)
	if err := s.fork(p, def, serviceGroup(def.Name), Files{Out: log.write, Err: log.write}); err != nil {
		return nil, err
	}
	s.current[def.Name] = p
	if list := s.groups.unkept(def); list != nil {
		s.Note(def.Name, strings.Join(list, " and ")+" cannot be kept on this kernel")
	}
	s.awaitReadiness(p, def.Ready)
	return p, nil
}

// fork starts the shim in group with def as its orders and these files.
//
// It is forked from a page, or from /proc/self/exe, which both are in memory: ForkExec holds the
// caller until the exec has happened, and the caller is the loop that feeds the
// watchdog.
func (s *Supervisor) fork(p *process, def Definition, group string, given Files) error {
	order := shimOrder{Definition: def, Line: given.Line != nil, Files: openFilesMost(), Score: oomScore()}
	if def.Vital && !s.groups.has["cpu"] {
		order.Nice = vitalNice
	}
	report, reportWrite, err := pipe()
	if err != nil {
		return err
	}
	defer reportWrite.Close()
	files := []uintptr{orderFD: 0, reportFD: reportWrite.Fd()}
	for i, f := range []*os.File{given.In, given.Out, given.Err, given.Line} {
		if f == nil {
			f = s.null
		}
		files[i] = f.Fd()
	}
	if def.Ready == lifecycle.ReadyNotify {
		order.Notify = true
		read, write, err := pipe()
		if err != nil {
			report.Close()
			return err
		}
		defer write.Close()
		p.notify, files[3] = read, write.Fd()
	}
	undo := func() {
		report.Close()
		if p.notify != nil {
			p.notify.Close()
			p.notify = nil
		}
	}
	exe, orders, err := p.orders(order, &s.pages)
	if err != nil {
		undo()
		return err
	}
	defer orders.Close()
	files[4] = orders.Fd()
	attr := &syscall.ProcAttr{Files: files, Sys: &syscall.SysProcAttr{Setsid: true}}
	dir, err := s.groups.create(p, group, def)
	if err == nil {
		err = s.groups.thawed(p)
	}
	if dir != nil {
		defer dir.Close()
	}
	if err != nil {
		undo()
		s.groups.remove(p)
		return err
	}
	if dir != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(dir.Fd())
	}
	pid, err := syscall.ForkExec(exe, []string{ShimName}, attr)
	if err != nil {
		undo()
		s.groups.remove(p)
		return fmt.Errorf("fork %s: %w", ShimName, err)
	}
	p.pid, p.gone = pid, make(chan struct{})
	s.pids[pid] = p
	go Guard("report of "+p.name, func() { s.awaitReport(p, report) })
	return nil
}

// orders puts what the shim has to do into memory that it inherits, and says which program it is:
// a page that does just that, or our own, which reads it. A pipe would
// do for the first 64 KiB and stop the loop beyond.
func (p *process) orders(order shimOrder, w *pageWriter) (exe string, f *os.File, err error) {
	exe = "/proc/self/exe"
	var text []byte
	if hasPages && order.Definition.TTY == "" {
		w.list = order.calls(w.list[:0])
		exe, text = fmt.Sprintf("/proc/self/fd/%d", orderFD), w.page(w.list)
		p.stages = make([]string, len(w.list))
		for i, c := range w.list {
			p.stages[i] = c.stage
		}
		defer w.forget()
	} else if text, err = json.Marshal(order); err != nil {
		return "", nil, err
	}
	if f, err = inMemory(text); err != nil {
		return "", nil, fmt.Errorf("orders of %s: %w", order.Definition.Name, err)
	}
	return exe, f, nil
}

// inMemory is a file with that text, which has no name, is nowhere but in memory, and may be executed.
func inMemory(text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(ShimName, unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 all of them may be executed
		fd, err = unix.MemfdCreate(ShimName, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), ShimName)
	if _, err := f.WriteAt(text, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// oomScore is the oom_score_adj that a child inherits, "" if that cannot be read.
func oomScore() string {
	var page [4096]byte
	return strings.TrimSpace(string(firstPage("/proc/self/oom_score_adj", &page)))
}

// openFilesMost is the hard limit that a child inherits.
func openFilesMost() uint64 {
	var limit unix.Rlimit
	if unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit) != nil {
		return filesSoft
	}
	return limit.Max
}

// reportMost is longer than any report.
const reportMost = 64

// awaitReport reads what the shim says: nothing when its exec closed the pipe,
// "errno stage" or a page's report when it failed.
//
// Also after a panic the process counts as reported, or its end would never be seen.
func (s *Supervisor) awaitReport(p *process, report io.ReadCloser) {
	var text []byte
	defer s.post(func() {
		p.reported = true
		if stage, errno, ok := pageReport(text, p.stages); ok && p.stages != nil {
			p.failed = &SpawnFailed{p.name, p.serial, stage, errno}
		} else if number, stage, ok := strings.Cut(string(text), " "); ok {
			errno, _ := strconv.Atoi(number)
			p.failed = &SpawnFailed{p.name, p.serial, stage, syscall.Errno(errno)}
		} else if p.once == nil && !p.reaped {
			s.step(Executed{p.name, p.serial})
		}
		p.stages = nil
		s.exited(p)
	})
	defer report.Close()
	text = make([]byte, reportMost)
	n, _ := io.ReadFull(report, text)
	text = text[:n]
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	errors.As(err, &errno)
	return errno
}
