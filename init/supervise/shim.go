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
)

// The descriptors that the shim is started with, beside 0 to 2.
const (
	notifyFD = 3 // stays open for notify services, and for who has a line
	orderFD  = 4 // JSON of shimOrder, or the page that is being executed
	reportFD = 5 // takes "errno stage", or a page's report, when something fails; its close says that all went well
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
	Own        bool   // it is no shim: nothing but 0 to 2 was opened for it
	Line       bool   // descriptor 3 is one of Files
	Nice       int    // see vitalNice
	Files      uint64 // the hard limit on open files that PID 1 has
	Score      string // the oom_score_adj that PID 1 has
}

// stageFault is what went wrong in the shim and where.
type stageFault struct {
	stage string // e.g. "chdir /srv"
	err   error
}

// signalSetSize is that of the kernel's sigset_t.
var signalSetSize = func() int {
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		return 16
	}
	return 8
}()

// ShimMain makes this process the environment that a service's definition asks
// for and becomes its program. It is what main does under the name
// bantam-exec, and returns only when something fails. It serves terminals, and architectures
// without pages.
//
// The process is a session leader in its own cgroup already. Credentials and
// capabilities belong to a thread, so all of it happens on one.
func ShimMain(args []string) int {
	runtime.LockOSThread()
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
	if err := takeTTY(order.Definition); err != nil {
		return &stageFault{"tty " + order.Definition.TTY, err}
	}
	return perform(order.calls(nil))
}
