package http1

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhyThereIsNoConnectionSaysWhatToLookAt(t *testing.T) {
	failed := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for want, err := range map[string]error{
		"connection refused: nothing listens there; does the server run": failed(unix.ECONNREFUSED),
		"no way leads there; is the network up":                          failed(unix.ENETUNREACH),
		"no way leads there; is the network up, and":                     failed(unix.EHOSTUNREACH),
		"connection reset by peer":                                       failed(unix.ECONNRESET),
		"no host is named nas: is the name right":                        &net.OpError{Op: "dial", Err: &net.DNSError{Name: "nas", IsNotFound: true}},
	} {
		if got := plain(err).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
