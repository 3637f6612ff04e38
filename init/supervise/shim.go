package supervise

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/sigaction"
)

// The descriptors that the shim is started with, beside 0 to 2.
const (
	notifyFD = 3 // stays open for notify services
	orderFD  = 4 // JSON of shimOrder
	reportFD = 5 // takes "errno stage" when something fails; its close says that all went well
)

// Limits on open files, for every service: programs that use select(2) break
// above 1024, and those that need more raise their soft limit themselves.
const (
	filesSoft = 1024
	filesHard = 512 << 10
)

// vitalNice goes before services where the cgroups cannot see to it.
const vitalNice = -10

// shimOrder is what the shim is told.
type shimOrder struct {
	Definition Definition
	Notify     bool
	Nice       int // see vitalNice
}

// stageFault is what went wrong in the shim and where.
type stageFault struct {
	stage string // e.g. "chdir /srv"
	err   error
}

// ShimMain makes this process the environment that a service's definition asks
// for and becomes its program. It is what main does under the name
// bantam-exec, and returns only when something fails.
//
// The process is a session leader in its own cgroup already. Credentials and
// capabilities belong to a thread, so all of it happens on one.
func ShimMain(args []string) int {
	runtime.LockOSThread()
	for _, fd := range []int{notifyFD, orderFD, reportFD} {
		unix.CloseOnExec(fd)
	}
	fault := becomeService()
	unix.Write(reportFD, fmt.Appendf(nil, "%d %s", int(errnoOf(fault.err)), fault.stage))
	return 127
}

// becomeService does not return unless it fails.
func becomeService() *stageFault {
	text, err := io.ReadAll(os.NewFile(orderFD, "orders"))
	if err != nil {
		return &stageFault{"read orders", err}
	}
	var order shimOrder
	if err := json.Unmarshal(text, &order); err != nil {
		return &stageFault{"understand orders", syscall.EBADMSG}
	}
	def := order.Definition
	// PID 1's own is not meant for others. Where it may not be raised it is right already.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, order.Nice)
	stages := []struct {
		name string
		do   func() error
	}{
		{"oom_score_adj", func() error { return setOOMScore(def.OOMScoreAdj) }},
		{"file limit", setFileLimit},
		{"tty " + def.TTY, func() error { return takeTTY(def) }},
		{"hidden folders", func() error { return hide(def.Hide) }},
		{"capability bounds", func() error { return boundCapabilities(def) }},
		{"groups", func() error { return setGroups(def) }},
		{"user", func() error { return setUser(def) }},
		{"capabilities", func() error { return setCapabilities(def) }},
		{"chdir " + dirOf(def), func() error { return unix.Chdir(dirOf(def)) }},
	}
	for _, stage := range stages {
		if err := stage.do(); err != nil {
			return &stageFault{stage.name, err}
		}
	}
	unix.Umask(0o022)
	env := def.Env
	if !hasPath(env) {
		env = append(env, "PATH="+defaultPath)
	}
	if order.Notify {
		env = append(env, fmt.Sprintf("NOTIFY_FD=%d", notifyFD))
		unix.FcntlInt(notifyFD, unix.F_SETFD, 0)
	}
	defaultSignals()
	// Nothing but 0 to 3 is meant to be open; kernels before 5.11 do not know this call.
	unix.CloseRange(reportFD+1, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	return &stageFault{"exec " + def.Argv[0], execAny(candidates(def.Argv[0], env), def.Argv, env)}
}

// defaultSignals undoes what ignoring a program would inherit: PID 1 ignores
// some signals, and whoever starts PID 1 in a test may ignore others.
func defaultSignals() {
	for n := syscall.Signal(1); n <= 64; n++ {
		_ = sigaction.Default(n) // SIGKILL and SIGSTOP are refused, and need nothing
	}
}

// execAny tries the files in turn, as execvp does: a file that may not be
// executed is reported only when no other is found.
func execAny(files, argv, env []string) error {
	fault := error(syscall.ENOENT)
	for _, file := range files {
		err := syscall.Exec(file, argv, env)
		switch err {
		case syscall.ENOENT, syscall.ENOTDIR:
		case syscall.EACCES:
			fault = err
		default:
			return err
		}
	}
	return fault
}

func hasPath(env []string) bool {
	for _, v := range env {
		if strings.HasPrefix(v, "PATH=") {
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

func setOOMScore(score int) error {
	return put("/proc/self/oom_score_adj", fmt.Sprint(score))
}

// setFileLimit uses package syscall, which then does not restore the limit
// that the Go runtime found at its start when it comes to the exec. A hard limit
// that may not be raised, as in a container, stays.
func setFileLimit() error {
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: filesSoft, Max: filesHard})
	if err != syscall.EPERM {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = min(filesSoft, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
