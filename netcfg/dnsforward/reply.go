package dnsforward

import "encoding/binary"

// asking is a client's question as it came: what the answer has to fit.
type asking struct {
	client Client
	id     uint16
	flags  uint16
	text   string // the question section, whose capitals the answer repeats
	edns   bool
	size   uint16 // what it takes over UDP
	q      question
}

// limit is how large an answer may be.
func (a *asking) limit() int {
	switch {
	case a.client.TCP != 0:
		return 65535
	case !a.edns:
		return 512
	}
	return int(min(max(a.size, 512), udpSize))
}

// reply is an answer of ours: its header and question as the client's, records of records' bytes.
type reply struct {
	rcode    int
	aa       bool
	sections [3]int // records in answer, authority, additional
	records  []byte
	blocked  bool // an extended error says why
}

// answer sends a reply of ours to the client.
func (f *Forwarder) answer(a *asking, r reply) {
	b := make([]byte, headerSize, headerSize+len(a.text)+len(r.records)+optSize)
	b = append(append(b, a.text...), r.records...)
	for i, n := range r.sections {
		binary.BigEndian.PutUint16(b[6+2*i:], uint16(n))
	}
	flags := uint16(0)
	if r.aa {
		flags = flagAA
	}
	f.finish(a, b, flags, r.rcode, r.blocked)
}

// answerKept sends what a server has said, age old, without OPT record.
func (f *Forwarder) answerKept(a *asking, e *entry) {
	b := make([]byte, len(e.answer), len(e.answer)+optSize)
	copy(b, e.answer)
	copy(b[headerSize:], a.text) // of the same name, so of the same length
	countDown(b, e.body, f.now-e.stored)
	flags := uint16(0)
	if e.authentic && (a.flags&flagAD != 0 || a.q.do) {
		flags = flagAD
	}
	f.finish(a, b, flags, int(u16(b[2:])&maskRcode), e.blocked)
}

// optSize is that of the longest OPT record that is sent.
const optSize = 11 + 6

// finish makes a message the answer to a client: header, OPT record, and no more than it takes.
func (f *Forwarder) finish(a *asking, b []byte, flags uint16, rcode int, blocked bool) {
	flags |= flagQR | flagRA | a.flags&(flagRD|flagCD) | uint16(rcode)&maskRcode
	binary.BigEndian.PutUint16(b, a.id)
	binary.BigEndian.PutUint16(b[4:], 1)
	opt := 0
	if a.edns {
		opt = optSize
	}
	whole := a.client.TCP != 0 || len(b)+opt <= a.limit()
	if !whole { // who gets a part asks for the whole over TCP
		b = b[:headerSize+len(a.text)]
		clear(b[6:headerSize])
		flags |= flagTC
	}
	binary.BigEndian.PutUint16(b[2:], flags)
	if a.edns && len(b)+opt <= a.limit() { // no message is longer; the answer is worth more
		b = appendOPT(b, a.q.do, rcode, blocked)
	}
	f.out = append(f.out, Answer{a.client, b})
}

// appendOPT adds an OPT record as the last one. A blocked answer says so (RFC 8914: 15).
func appendOPT(b []byte, do bool, rcode int, blocked bool) []byte {
	var bits byte
	if do {
		bits = 0x80
	}
	b = append(b, 0, 0, typeOPT, udpSize>>8, udpSize&0xff, byte(rcode>>4), 0, bits, 0)
	if blocked {
		b = append(b, 0, 6, 0, 15, 0, 2, 0, 15)
	} else {
		b = append(b, 0, 0)
	}
	binary.BigEndian.PutUint16(b[10:], u16(b[10:])+1)
	return b
}

// refuse answers what cannot be read to the end, but has a header.
func (f *Forwarder) refuse(c Client, b []byte, rcode int) {
	answer := make([]byte, headerSize)
	copy(answer, b[:2])
	binary.BigEndian.PutUint16(answer[2:], flagQR|u16(b[2:])&(maskOpcode|flagRD)|uint16(rcode))
	f.out = append(f.out, Answer{c, answer})
}
