package dnsforward

import (
	"encoding/binary"
	"time"
)

const headerSize = 12

// Bits of the header's second word.
const (
	flagQR     = 1 << 15 // an answer
	flagAA     = 1 << 10
	flagTC     = 1 << 9 // truncated
	flagRD     = 1 << 8
	flagRA     = 1 << 7
	flagAD     = 1 << 5 // validated
	flagCD     = 1 << 4 // not to be validated
	maskOpcode = 0xf << 11
	maskRcode  = 0xf
)

// Response codes.
const (
	rcodeSuccess  = 0
	rcodeFormErr  = 1
	rcodeServFail = 2
	rcodeNXDomain = 3
	rcodeNotImp   = 4
	rcodeRefused  = 5
	rcodeBadVers  = 16
)

// Types and the class of records.
const (
	typeA      = 1
	typeNS     = 2
	typeCNAME  = 5
	typeSOA    = 6
	typePTR    = 12
	typeAAAA   = 28
	typeOPT    = 41
	typeDS     = 43
	typeDNSKEY = 48
	typeSVCB   = 64
	typeHTTPS  = 65
	typeTKEY   = 249
	typeAXFR   = 252
	typeMAILA  = 254
	classIN    = 1
)

// question is what was asked, and how: one answer is for all who asked the same.
type question struct {
	name  string
	kind  uint16
	class uint16
	do    bool // DNSSEC's records are wanted
	cd    bool // answers that do not validate, too
}

func u16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// message is one that was read: of its records only what all of them have.
type message struct {
	b         []byte
	id, flags uint16
	asked     question // without do and cd
	body      int      // where the records begin
	records   []record
	opt       int // the index of the OPT record; -1 if there is none
}

// record is one resource record.
type record struct {
	section     int // 0 answer, 1 authority, 2 additional
	kind, class uint16
	start, ttl  int // where it and its time to live begin
	data, end   int // its data
}

// maxRecords is the most that a message of 64 KiB could carry.
const maxRecords = 6000

// readMessage reads a whole message, of which nothing may be left over; false if it is malformed. It has one question.
func readMessage(b []byte) (m message, ok bool) {
	if len(b) < headerSize {
		return m, false
	}
	m = message{b: b, id: u16(b), flags: u16(b[2:]), opt: -1}
	if u16(b[4:]) != 1 {
		return m, false
	}
	name, at, ok := readName(b, headerSize)
	if !ok || at-headerSize != len(name) || at+4 > len(b) { // a compressed one could only lead to itself
		return m, false
	}
	m.asked = question{name: name, kind: u16(b[at:]), class: u16(b[at+2:])}
	at += 4
	m.body = at
	var counts [3]int
	total := 0
	for i := range counts {
		counts[i] = int(u16(b[6+2*i:]))
		total += counts[i]
	}
	if total > maxRecords || total*11 > len(b) { // bytes of the shortest record
		return m, false
	}
	m.records = make([]record, 0, total)
	var scratch [maxName]byte
	for section, count := range counts {
		for range count {
			r := record{section: section, start: at}
			var named int
			if named, at, ok = followName(b, at, &scratch); !ok || at+10 > len(b) {
				return m, false
			}
			r.kind, r.class, r.ttl, r.data = u16(b[at:]), u16(b[at+2:]), at+4, at+10
			r.end = r.data + int(u16(b[at+8:]))
			if at = r.end; at > len(b) || !soundData(b, r) {
				return m, false
			}
			if r.kind == typeOPT {
				if section != 2 || m.opt >= 0 || named != 1 { // the root
					return m, false
				}
				m.opt = len(m.records)
			}
			m.records = append(m.records, r)
		}
	}
	return m, at == len(b)
}

// layouts are the data of types that may have compressed names (RFC 1035, and those that came before RFC 3597): bytes
// before, names, bytes behind. All others have none.
var layouts = [...]struct{ before, names, behind byte }{
	typeNS: {0, 1, 0}, typeCNAME: {0, 1, 0}, typePTR: {0, 1, 0}, typeSOA: {0, 2, 20},
	3: {0, 1, 0}, 4: {0, 1, 0}, 7: {0, 1, 0}, 8: {0, 1, 0}, 9: {0, 1, 0}, // MD MF MB MG MR
	14: {0, 2, 0}, 15: {2, 1, 0}, 17: {0, 2, 0}, 18: {2, 1, 0}, 21: {2, 1, 0}, // MINFO MX RP AFSDB RT
	33: {6, 1, 0}, 36: {2, 1, 0}, 39: {0, 1, 0}, // SRV KX DNAME
}

// soundData follows the names in the data of a record, and measures addresses.
func soundData(b []byte, r record) bool {
	if r.class != classIN {
		return true
	}
	switch r.kind {
	case typeA:
		return r.end-r.data == 4
	case typeAAAA:
		return r.end-r.data == 16
	}
	if int(r.kind) >= len(layouts) || layouts[r.kind].names == 0 {
		return true
	}
	layout := layouts[r.kind]
	var scratch [maxName]byte
	at := r.data + int(layout.before)
	for range layout.names {
		var ok bool
		if _, at, ok = followName(b[:r.end], at, &scratch); !ok {
			return false
		}
	}
	return at+int(layout.behind) == r.end
}

// rcode is the response code, with the part of it that EDNS has.
func (m *message) rcode() int {
	code := int(m.flags & maskRcode)
	if m.opt >= 0 {
		code |= int(m.b[m.records[m.opt].ttl]) << 4
	}
	return code
}

// edns are the fields of the OPT record.
func (m *message) edns() (size uint16, version byte, do bool) {
	if m.opt < 0 {
		return 0, 0, false
	}
	r := m.records[m.opt]
	return r.class, m.b[r.ttl+1], m.b[r.ttl+2]&0x80 != 0
}

// withoutOPT is the message up to the OPT record: that is between two neighbours, and records behind it, of which there
// hardly ever are any, could have names that point over it.
func (m *message) withoutOPT() []byte {
	b, records := m.b, m.records
	if m.opt >= 0 {
		b, records = b[:m.records[m.opt].start], records[:m.opt]
	}
	b = append([]byte(nil), b...)
	additional := 0
	for _, r := range records {
		if r.section == 2 {
			additional++
		}
	}
	binary.BigEndian.PutUint16(b[10:], uint16(additional))
	return b
}

// ttl is how long an answer may be kept: the shortest time of all its records, of one that says no the SOA's (RFC 2308).
func (m *message) ttl() time.Duration {
	shortest, answers := maxTTL, false
	var soa *record
	for i, r := range m.records {
		if i == m.opt {
			continue
		}
		seconds := u32(m.b[r.ttl:])
		if seconds > 1<<31-1 { // RFC 2181: negative is none
			seconds = 0
		}
		shortest = min(shortest, time.Duration(seconds)*time.Second)
		answers = answers || r.section == 0 && (r.kind == m.asked.kind || m.asked.kind == 255)
		if r.section == 1 && r.kind == typeSOA && r.class == classIN {
			soa = &m.records[i]
		}
	}
	if m.rcode() == rcodeSuccess && answers {
		return shortest
	}
	if soa == nil {
		return 0
	}
	return min(shortest, time.Duration(u32(m.b[soa.end-4:]))*time.Second, maxNegativeTTL)
}

// countDown takes the age of a kept answer from the times to live of its records. The message was read before.
func countDown(b []byte, body int, age time.Duration) {
	seconds := uint32(age / time.Second)
	for at := body; at < len(b); {
		at = skipName(b, at)
		ttl := min(u32(b[at+4:]), uint32(maxTTL/time.Second))
		binary.BigEndian.PutUint32(b[at+4:], ttl-min(ttl, seconds))
		at += 10 + int(u16(b[at+8:]))
	}
}
