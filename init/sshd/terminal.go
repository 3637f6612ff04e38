package sshd

import (
	"golang.org/x/crypto/ssh"

	"bantam/init/sshline"
)

// terminal is the one in front of which the client's person sits.
type terminal struct {
	kind          string // e.g. "xterm-256color"
	rows, columns uint16 // 0 is unknown
}

// terminalOf reads a pty-req (RFC 4254, section 6.2). Modes of the terminal are not taken over: all its programs begin with sane ones.
func terminalOf(payload []byte) (*terminal, bool) {
	var request struct {
		Kind                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &request) != nil {
		return nil, false
	}
	t := &terminal{kind: request.Kind, rows: clamped(request.Rows), columns: clamped(request.Columns)}
	if t.kind == "" || len(t.kind) > 64 || !sshline.IsWord(t.kind) {
		t.kind = "dumb"
	}
	return t, true
}

// sizeOf reads a window-change (section 6.7).
func sizeOf(payload []byte) (t terminal, ok bool) {
	var request struct{ Columns, Rows, Width, Height uint32 }
	if ssh.Unmarshal(payload, &request) != nil {
		return t, false
	}
	return terminal{rows: clamped(request.Rows), columns: clamped(request.Columns)}, true
}

// clamped is a number of rows or columns as the kernel can have it.
func clamped(n uint32) uint16 { return uint16(min(n, 1<<16-1)) }
