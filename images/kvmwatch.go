package images

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
)

// A kvmFault is why KVM cannot run a machine, in QEMU's words.
type kvmFault struct{ said string }

func (f *kvmFault) Error() string { return "This host's KVM cannot run the machine: " + f.said }

// kvmFaults are parts of what QEMU 5 to 10 prints when KVM gives up: at the start, after which it ends, or on
// a guest's instruction, after which it prints all registers and stands still for ever (accel/kvm/kvm-all.c).
var kvmFaults = []string{
	"KVM internal error", "KVM: entry failed", "KVM: unknown exit", "error: kvm run failed",
	"failed to initialize kvm", "failed to initialize KVM", "Could not access KVM kernel module", "kvm_init_vcpu",
}

// saysKVMFault tells whether a line of QEMU's says that KVM gave up.
func saysKVMFault(line string) bool {
	for _, words := range kvmFaults {
		if strings.Contains(line, words) {
			return true
		}
	}
	return false
}

// A kvmWatch passes on what QEMU says, line by line, until that is a fault of KVM: then it calls end, once, and drops
// the fault and what follows, which is a page of registers.
type kvmWatch struct {
	out io.Writer
	end func(*kvmFault)

	mu   sync.Mutex
	line []byte // not complete yet
	over bool
}

func (w *kvmWatch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = append(w.line, b...)
	for !w.over {
		line, rest, complete := bytes.Cut(w.line, []byte("\n"))
		if !complete {
			break
		}
		if w.over = saysKVMFault(string(line)); w.over {
			w.end(&kvmFault{strings.TrimSpace(string(line))})
			break
		}
		if _, err := w.out.Write(w.line[:len(line)+1]); err != nil {
			return 0, err
		}
		w.line = rest
	}
	return len(b), nil
}

// flush passes on the last words when QEMU has ended.
func (w *kvmWatch) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.out.Write(w.line)
	}
}

// firstWord stops a timer when anything is printed.
type firstWord struct {
	out   io.Writer
	timer *time.Timer
}

func (w *firstWord) Write(b []byte) (int, error) {
	w.timer.Stop()
	if w.out == nil {
		return len(b), nil
	}
	return w.out.Write(b)
}
