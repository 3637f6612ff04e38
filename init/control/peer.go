package control

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/system"
)

// Peer is whose program a client is, as the kernel noted when it connected.
type Peer struct {
	UID    uint32
	Groups []uint32 // all of them
}

// MayChange says whether it may do more than look: root, and whoever is in the group operator.
func (p Peer) MayChange() bool {
	return p.UID == 0 || slices.Contains(p.Groups, system.OperatorGID)
}

// ForAll are the requests of everybody: how the machine is. What a system.toml or a log says is not for all, as it may hold what other
// users must not read.
var ForAll = []string{"status", "time", "generations", "menu", "state folders"}

// Refusal is why a user may not make a request.
func (p Peer) Refusal() error {
	return fmt.Errorf("user %d may not do this: it is for root and the group operator; groups = [\"operator\"] in the [user.NAME] of system.toml gives that, and counts from the next login on", p.UID)
}

func (p Peer) may(verb string) error {
	if p.MayChange() || slices.Contains(ForAll, verb) {
		return nil
	}
	return p.Refusal()
}

// mostGroups is how many groups of a client are looked at; the kernel allows 65536.
const mostGroups = 1024

// peerOf asks the kernel who has connected (unix(7), SO_PEERCRED; SO_PEERGROUPS for the further groups, since Linux 4.13).
func peerOf(c *net.UnixConn) (p Peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var fault error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, fault = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); fault != nil {
			return
		}
		p = Peer{UID: cred.Uid, Groups: []uint32{cred.Gid}}
		groups := make([]byte, 4*mostGroups)
		size := uint32(len(groups))
		if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS, uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0); errno != 0 {
			return // without, or with very many, it is only in its first one
		}
		for b := groups[:min(int(size), len(groups))]; len(b) >= 4; b = b[4:] {
			p.Groups = append(p.Groups, binary.NativeEndian.Uint32(b))
		}
	})
	if err == nil && fault != nil {
		err = fmt.Errorf("peer credentials: %w", fault)
	}
	return p, err
}
