//go:build amd64 || arm64 || arm || mips || mipsle || riscv64

package confine

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Process leaves this process, with all its threads and for good, the system
// calls that it needs. What starts programs, loads code into the kernel or
// reaches for other processes ends it: it is then started again, which is
// better than what has been taken over. Everything else that is not on the list
// "does not exist", as on an older kernel: so a new Go runtime, which tries newer
// calls first, does not end the process.
func Process(r Rules) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	filter := callFilter(r, auditArch, binary.NativeEndian.Uint16([]byte{1, 0}) != 1)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	switch {
	case errno != 0:
		return fmt.Errorf("seccomp: %w", errno)
	case thread != 0:
		return fmt.Errorf("seccomp: thread %d has a filter of its own", thread)
	}
	return nil
}

// Where seccomp_data (linux/seccomp.h) has what the filter looks at.
const (
	atCall      = 0
	atArch      = 4
	atArguments = 16 // 64 bits each
)

const (
	killProcess = unix.SECCOMP_RET_KILL_PROCESS
	allowCall   = unix.SECCOMP_RET_ALLOW
	unknownCall = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	refuseCall  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
)

const (
	loadWord = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	ifEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ifAnySet = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	accept   = unix.BPF_RET | unix.BPF_K
)

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, Jt: yes, Jf: no, K: k}
}

// callFilter is the filter in the kernel's classic BPF.
func callFilter(r Rules, arch uint32, bigEndian bool) []unix.SockFilter {
	low := func(argument uint32) unix.SockFilter {
		at := atArguments + 8*argument
		if bigEndian {
			at += 4
		}
		return statement(loadWord, at)
	}
	filter := []unix.SockFilter{
		statement(loadWord, atArch),
		jump(ifEqual, arch, 1, 0),
		statement(accept, killProcess),
		statement(loadWord, atCall),
	}
	on := func(call uint32, then ...unix.SockFilter) {
		filter = append(append(filter, jump(ifEqual, call, 0, uint8(len(then)))), then...)
	}
	allowed := slices.Concat(neededCalls, neededHere, r.Calls)
	if !r.NoFiles {
		allowed = slices.Concat(allowed, fileCalls, filesHere)
	}
	for _, call := range allowed {
		on(uint32(call), statement(accept, allowCall))
	}
	on(unix.SYS_CLONE, // threads of our own, in no new namespace
		low(0),
		jump(ifAnySet, unix.CLONE_THREAD, 0, 2),
		jump(ifAnySet, newNamespaces, 1, 0),
		statement(accept, allowCall),
		statement(accept, refuseCall),
	)
	on(unix.SYS_SOCKET, r.sockets(low)...)
	if len(r.Ioctls) > 0 {
		then := []unix.SockFilter{low(1)}
		for _, request := range r.Ioctls {
			then = append(then, jump(ifEqual, request, 0, 1), statement(accept, allowCall))
		}
		on(unix.SYS_IOCTL, append(then, statement(accept, refuseCall))...)
	}
	for _, call := range slices.Concat(deadlyCalls, deadlyHere) {
		on(uint32(call), statement(accept, killProcess))
	}
	return append(filter, statement(accept, unknownCall))
}

// sockets lets those of some families be made, and of netlink those of some protocols.
func (r Rules) sockets(low func(argument uint32) unix.SockFilter) []unix.SockFilter {
	filter := []unix.SockFilter{low(0)}
	for _, family := range r.Families {
		filter = append(filter, jump(ifEqual, family, 0, 1), statement(accept, allowCall))
	}
	if len(r.Netlink) > 0 {
		filter = append(filter, jump(ifEqual, unix.AF_NETLINK, 1, 0), statement(accept, refuseCall), low(2))
		for _, protocol := range r.Netlink {
			filter = append(filter, jump(ifEqual, protocol, 0, 1), statement(accept, allowCall))
		}
	}
	return append(filter, statement(accept, refuseCall))
}

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// neededCalls are those of every architecture. The first ones are the most frequent.
var neededCalls = []uintptr{
	unix.SYS_FUTEX, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_RECVMSG, unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_PPOLL,
	unix.SYS_CLOCK_GETTIME, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOSE,
	// Go's runtime: memory, threads, signals, waiting
	unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_PRCTL, unix.SYS_GETRANDOM, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
	unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_RESTART_SYSCALL,
	unix.SYS_TGKILL, unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETTIMEOFDAY,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_FCNTL,
	// sockets
	unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_SENDMSG, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT,
	unix.SYS_SHUTDOWN,
	// files that are open
	unix.SYS_FSTAT, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_LSEEK,
	// the host's name, alarms, who we are
	unix.SYS_UNAME, unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_SETTIME, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
}

// fileCalls open and name files.
var fileCalls = []uintptr{unix.SYS_OPENAT, unix.SYS_STATX, unix.SYS_READLINKAT, unix.SYS_GETDENTS64, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2}

// deadlyCalls are those that nothing in us makes and that somebody would make who took us over.
var deadlyCalls = []uintptr{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_PERSONALITY,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_SETHOSTNAME,
}
