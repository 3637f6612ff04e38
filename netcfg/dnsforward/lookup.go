package dnsforward

import (
	"encoding/binary"
	"net/netip"
)

// Types of records for Question.
const (
	TypeA    = typeA
	TypeAAAA = typeAAAA
)

// Question is a question of one's own to a server, e.g. for the addresses of a name; false where the name is none.
func Question(id uint16, name string, kind uint16) (message []byte, ok bool) {
	packed, ok := packName(name)
	b := make([]byte, headerSize, headerSize+len(packed)+4)
	binary.BigEndian.PutUint16(b, id)
	binary.BigEndian.PutUint16(b[2:], flagRD)
	b[5] = 1
	b = binary.BigEndian.AppendUint16(append(b, packed...), kind)
	return binary.BigEndian.AppendUint16(b, classIN), ok
}

// Addresses reads the answer to a Question; ok is false for a message that is none. code is the server's, 0 for success.
func Addresses(message []byte, id uint16, name string, kind uint16) (found []netip.Addr, code int, ok bool) {
	m, sound := readMessage(message)
	packed, _ := packName(name)
	if !sound || m.id != id || m.flags&flagQR == 0 || m.asked != (question{name: packed, kind: kind, class: classIN}) {
		return nil, 0, false
	}
	for _, r := range m.records {
		if r.section == 0 && r.kind == kind && r.class == classIN {
			if a, fits := netip.AddrFromSlice(message[r.data:r.end]); fits {
				found = append(found, a)
			}
		}
	}
	return found, m.rcode(), true
}
