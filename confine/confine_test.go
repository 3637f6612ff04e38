//go:build amd64 || arm64 || arm || riscv64

package confine

import (
	"encoding/binary"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be a confined process too.
func TestMain(m *testing.M) {
	if what := os.Getenv("BE_CONFINED"); what != "" {
		os.Exit(beConfined(what))
	}
	os.Exit(m.Run())
}

// networkRules are those of the network configurator.
var networkRules = Rules{
	Families: []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_PACKET, unix.AF_UNIX},
	Netlink:  []uint32{unix.NETLINK_ROUTE},
}

// The rules of who has all that it works with, and a terminal among it.
var closedRules = Rules{NoFiles: true, Ioctls: []uint32{unix.TIOCSWINSZ, unix.TIOCGWINSZ}}

// judge runs the filter on one system call, as the kernel would.
func judge(t *testing.T, filter []unix.SockFilter, order binary.ByteOrder, arch, call uint32, arguments ...uint64) uint32 {
	t.Helper()
	data := make([]byte, 64)
	order.PutUint32(data[0:], call)
	order.PutUint32(data[4:], arch)
	for i, a := range arguments {
		order.PutUint64(data[16+8*i:], a)
	}
	var a uint32
	for at := 0; at < len(filter); at++ {
		in := filter[at]
		yes := false
		switch in.Code {
		case loadWord:
			a = order.Uint32(data[in.K:])
			continue
		case accept:
			return in.K
		case ifEqual:
			yes = a == in.K
		case ifAnySet:
			yes = a&in.K != 0
		default:
			t.Fatalf("instruction %d: code %#x", at, in.Code)
		}
		if yes {
			at += int(in.Jt)
		} else {
			at += int(in.Jf)
		}
	}
	t.Fatal("the filter has no end")
	return 0
}

func TestTheFilterOfSystemCalls(t *testing.T) {
	const threads = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		filter := callFilter(networkRules, auditArch, order == binary.BigEndian)
		if len(filter) > unix.BPF_MAXINSNS {
			t.Fatalf("%d instructions", len(filter))
		}
		for _, tt := range []struct {
			name      string
			call      uint32
			arguments []uint64
			want      uint32
		}{
			{"reading", unix.SYS_READ, nil, allowCall},
			{"another program", unix.SYS_EXECVE, nil, killProcess},
			{"another process's memory", unix.SYS_PTRACE, nil, killProcess},
			{"a mount", unix.SYS_MOUNT, nil, killProcess},
			{"a module", unix.SYS_FINIT_MODULE, nil, killProcess},
			{"a BPF program", unix.SYS_BPF, nil, killProcess},
			{"a key", unix.SYS_KEYCTL, nil, killProcess},
			{"what nobody has invented yet", 4999 + 5000, nil, unknownCall},
			{"a newer way to make threads", unix.SYS_CLONE3, nil, unknownCall},
			{"a thread", unix.SYS_CLONE, []uint64{threads}, allowCall},
			{"a process", unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_VFORK | uint64(unix.SIGCHLD)}, refuseCall},
			{"a thread in another namespace", unix.SYS_CLONE, []uint64{threads | unix.CLONE_NEWNET}, refuseCall},
			{"UDP", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_DGRAM, 0}, allowCall},
			{"raw ICMPv6", unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6}, allowCall},
			{"frames", unix.SYS_SOCKET, []uint64{unix.AF_PACKET, unix.SOCK_DGRAM, 0x0608}, allowCall},
			{"the line of reports", unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, allowCall},
			{"rtnetlink", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, allowCall},
			{"the firewall", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, refuseCall},
			{"the kernel's cryptography", unix.SYS_SOCKET, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, refuseCall},
		} {
			if got := judge(t, filter, order, auditArch, tt.call, tt.arguments...); got != tt.want {
				t.Errorf("%v, %s: got %#x, want %#x", order, tt.name, got, tt.want)
			}
		}
		if got := judge(t, filter, order, auditArch+1, unix.SYS_READ); got != killProcess {
			t.Errorf("calls of another architecture: got %#x", got)
		}
	}
}

func TestRulesGiveWhatTheyNameAndNoMore(t *testing.T) {
	clock := Rules{Families: []uint32{unix.AF_INET}, Calls: []uintptr{unix.SYS_ADJTIMEX, unix.SYS_SETTIMEOFDAY}}
	for _, tt := range []struct {
		name      string
		rules     Rules
		call      uint32
		arguments []uint64
		want      uint32
	}{
		{"a call that the rules name", clock, unix.SYS_ADJTIMEX, nil, allowCall},
		{"one that is deadly to others", clock, unix.SYS_SETTIMEOFDAY, nil, allowCall},
		{"which it is without being named", networkRules, unix.SYS_SETTIMEOFDAY, nil, killProcess},
		{"a socket of a named family", clock, unix.SYS_SOCKET, []uint64{unix.AF_INET}, allowCall},
		{"a socket of another", clock, unix.SYS_SOCKET, []uint64{unix.AF_PACKET}, refuseCall},
		{"netlink where no protocol is named", clock, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, refuseCall},
		{"reading without files", closedRules, unix.SYS_READ, nil, allowCall},
		{"opening without files", closedRules, unix.SYS_OPENAT, nil, unknownCall},
		{"looking without files", closedRules, unix.SYS_STATX, nil, unknownCall},
		{"a socket where no family is named", closedRules, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, 0}, refuseCall},
		{"a terminal's size", closedRules, unix.SYS_IOCTL, []uint64{5, unix.TIOCSWINSZ}, allowCall},
		{"the same, asked for", closedRules, unix.SYS_IOCTL, []uint64{5, unix.TIOCGWINSZ}, allowCall},
		{"keys for a terminal", closedRules, unix.SYS_IOCTL, []uint64{5, unix.TIOCSTI}, refuseCall},
		{"a request where none is named", clock, unix.SYS_IOCTL, []uint64{5, unix.TIOCSWINSZ}, unknownCall},
	} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			filter := callFilter(tt.rules, auditArch, order == binary.BigEndian)
			if got := judge(t, filter, order, auditArch, tt.call, tt.arguments...); got != tt.want {
				t.Errorf("%v, %s: got %#x, want %#x", order, tt.name, got, tt.want)
			}
		}
	}
}

// confined is what the test binary does once it has confined itself.
var confined = map[string]func(){
	"works": func() {
		var done sync.WaitGroup
		for range 50 { // threads, timers, memory that is given back, files and signals
			done.Go(func() {
				runtime.LockOSThread()
				unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
				time.Sleep(time.Millisecond)
				_ = make([]byte, 1<<20)
			})
		}
		done.Wait()
		runtime.GC()
		if text, err := os.ReadFile("/proc/sys/kernel/ostype"); err != nil || strings.TrimSpace(string(text)) != "Linux" {
			os.Exit(3)
		}
		if err := unix.Kill(os.Getpid(), 0); err != unix.ENOSYS { // not on the list
			os.Exit(4)
		}
	},
	"execve":  func() { unix.Exec("/bin/true", []string{"true"}, nil) },
	"ptrace":  func() { unix.PtraceAttach(1) },
	"unshare": func() { unix.Unshare(unix.CLONE_NEWUSER) },
	"threads": func() { // the filter is also that of threads that were there before
		done := make(chan bool)
		go func() { unix.Mount("none", "/mnt", "tmpfs", 0, ""); done <- true }()
		<-done
	},
}

func beConfined(what string) int {
	var ready, release sync.WaitGroup
	release.Add(1)
	for range 5 {
		ready.Add(1)
		go func() { runtime.LockOSThread(); ready.Done(); release.Wait() }()
	}
	ready.Wait()
	if err := Process(networkRules); err != nil {
		println(err.Error())
		return 2
	}
	confined[what]()
	release.Done()
	return 0
}

func TestAConfinedProcess(t *testing.T) {
	for what := range confined {
		t.Run(what, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "BE_CONFINED="+what)
			out, err := cmd.CombinedOutput()
			if what == "works" {
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				return
			}
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != unix.SIGSYS {
				t.Errorf("got %v, want it killed by SIGSYS\n%s", cmd.ProcessState, out)
			}
		})
	}
}
