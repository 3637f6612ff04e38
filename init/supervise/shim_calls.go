package supervise

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/sigaction"
)

// A call is a system call that the shim makes, with what it does about the
// outcome. All of what turns a fresh child into a service is a list of such
// calls, made in order, because they can then be made by a program of one page that PID 1
// writes (see shim_page.go). Go's runtime would take longer for its own start.
type call struct {
	stage  string // of the report when it fails, e.g. "chdir /srv"
	number uintptr
	args   [6]any // see operand
	then   outcome
	excuse syscall.Errno // this error is none; anyError: none is
}

// outcome is what follows a call beside the next one.
type outcome uint64

const (
	keep    outcome = 1 << iota // what it returned is kept
	useKept                     // the first argument is what was kept
	repeat                      // make it again until it fails
	try                         // an execve: on success there is no next call, after ENOENT, ENOTDIR and EACCES there is
	giveUp                      // no call: report EACCES if a try met that, else ENOENT
)

const anyError syscall.Errno = 0xffff

// calls adds to a list what the order asks for, from a session leader in its own cgroup
// that is root to the program. The terminal is taken before, where there is one.
func (o shimOrder) calls(list []call) []call {
	def := o.Definition
	add := func(stage string, number uintptr, args ...any) *call {
		c := call{stage: stage, number: number}
		copy(c.args[:], args)
		list = append(list, c)
		return &list[len(list)-1]
	}
	if !o.Own {
		for _, fd := range []int{orderFD, reportFD} {
			add("descriptors", unix.SYS_FCNTL, fd, unix.F_SETFD, unix.FD_CLOEXEC)
		}
	}
	if !o.Notify && !o.Line && !o.Own {
		add("descriptors", unix.SYS_FCNTL, notifyFD, unix.F_SETFD, unix.FD_CLOEXEC)
	}
	// PID 1's own is not meant for others. Where it may not be raised it is right already.
	add("niceness", unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, o.Nice).excuse = anyError
	// What is right already is left alone: the files of a process take 3 kB of the kernel's memory once one was opened.
	if score := fmt.Sprint(def.OOMScoreAdj); score != o.Score {
		add("oom_score_adj", unix.SYS_OPENAT, unix.AT_FDCWD, "/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0).then = keep
		add("oom_score_adj", unix.SYS_WRITE, 0, []byte(score), len(score)).then = useKept
		add("oom_score_adj", unix.SYS_CLOSE, 0).then = useKept
	}
	// A hard limit that may not be raised, as in a container, stays.
	add("file limit", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, words64(min(filesSoft, o.Files), o.Files), 0)
	add("file limit", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, words64(filesSoft, filesHard), 0).excuse = syscall.EPERM
	list = rights(append(list, hide(def.Hide)...), def)
	add("chdir "+dirOf(def), unix.SYS_CHDIR, dirOf(def))
	add("umask", unix.SYS_UMASK, 0o022)
	env := def.Env
	if !hasPath(env) {
		env = append(env[:len(env):len(env)], "PATH="+defaultPath)
	}
	if o.Notify {
		env = append(env[:len(env):len(env)], fmt.Sprintf("NOTIFY_FD=%d", notifyFD))
	}
	if o.Notify || o.Line {
		add("descriptors", unix.SYS_FCNTL, notifyFD, unix.F_SETFD, 0)
	}
	// That a signal is ignored would be inherited: PID 1 ignores some, and whoever
	// starts PID 1 in a test may ignore others.
	for n := syscall.Signal(1); n <= 64; n++ {
		if sigaction.Ignored(n) {
			add("signals", unix.SYS_RT_SIGACTION, int(n), noAction, 0, signalSetSize)
		}
	}
	// Nothing but 0 to 3 is meant to be open; kernels before 5.11 do not know this call.
	first := reportFD + 1
	if o.Own {
		first = notifyFD
	}
	add("descriptors", unix.SYS_CLOSE_RANGE, first, -1, unix.CLOSE_RANGE_CLOEXEC).excuse = anyError
	for _, file := range candidates(def.Argv[0], env) {
		add("exec "+def.Argv[0], unix.SYS_EXECVE, file, def.Argv, env).then = try
	}
	add("exec "+def.Argv[0], 0).then = giveUp
	return list
}

// noAction is SIG_DFL in a struct sigaction of any architecture.
var noAction = make([]byte, 64)

// words64 and words32 are numbers as the kernel finds them in memory.
func words64(list ...uint64) (b []byte) {
	for _, n := range list {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	return b
}

func words32(list ...uint32) (b []byte) {
	for _, n := range list {
		b = binary.NativeEndian.AppendUint32(b, n)
	}
	return b
}

func hasPath(env []string) bool {
	for _, v := range env {
		if len(v) >= 5 && v[:5] == "PATH=" {
			return true
		}
	}
	return false
}

func dirOf(def Definition) string {
	if def.Dir == "" {
		return "/"
	}
	return def.Dir
}
