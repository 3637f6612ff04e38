// Package sftp is bantam-sftp, the far end of sftp: version 3 of the protocol, on standard input and output.
//
// It runs as the user who has logged in, in his home. That is where a client begins and not where it is locked in: the user's rights decide,
// as they do in his shell.
package sftp

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/pkg/sftp"
)

// Requests that are on their way are at most 16 of 256 kB each. Memory is given back early: a router has little.
const (
	memoryLimit     = 32 << 20
	garbageAtGrowth = 50 // percent
)

// Main is the process bantam-sftp.
func Main(args []string) int {
	if len(args) > 0 {
		fmt.Fprintln(os.Stderr, "bantam-sftp: only bantam-sshd's sessions use this, without arguments")
		return 2
	}
	debug.SetMemoryLimit(memoryLimit)
	debug.SetGCPercent(garbageAtGrowth)
	server, err := sftp.NewServer(ends{os.Stdin, os.Stdout})
	if err == nil {
		err = server.Serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bantam-sftp:", err)
		return 1
	}
	return 0
}

// ends are the two that the client is behind.
type ends struct{ in, out *os.File }

func (e ends) Read(p []byte) (int, error)  { return e.in.Read(p) }
func (e ends) Write(p []byte) (int, error) { return e.out.Write(p) }

// Close lets what reads see an end.
func (e ends) Close() error {
	e.out.Close()
	return e.in.Close()
}
