package dnsforward

import (
	"encoding/binary"
	"time"
)

// query is one question under way, for all who asked it meanwhile.
type query struct {
	asked    question
	clients  []asking
	servers  []Server
	attempts []*attempt // of which any may still be answered
	tries    int
	next     time.Duration // when another server is asked, or it ends
}

// attempt is one question to one server.
type attempt struct {
	query    *query
	ask      uint64
	id       uint16
	server   Server
	stream   bool
	edns     bool
	sent     time.Duration
	silent   bool // its time is over, though an answer would still be taken
	unwanted int  // answers
}

// patience is how long each attempt is alone; all of them may be answered until the last one's time is over. The first
// ones are shorter than the patience of clients, which ask again after 5 s.
var patience = [maxAttempts]time.Duration{time.Second, time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second}

// secure is how much longer one over TLS has to have: it begins with a connection.
const secure = 2 * time.Second

// serversFor are the servers of the smallest zone that a name is within.
func (f *Forwarder) serversFor(name string) []Server {
	if zone := longest(f.local.zones, name); zone != "" {
		for i, z := range f.local.zones {
			if z == zone {
				return f.config.Zones[i].Servers
			}
		}
	}
	return f.config.Servers
}

// ask asks the next server, or gives up.
func (f *Forwarder) ask(q *query) {
	server, ok := f.choose(q)
	if !ok {
		f.giveUp(q)
		return
	}
	f.attempt(q, server, false, f.servers[server] == nil || f.servers[server].plainUntil <= f.now)
}

// attempt asks one server.
func (f *Forwarder) attempt(q *query, server Server, tcp, edns bool) {
	if q.tries == maxAttempts {
		f.giveUp(q)
		return
	}
	a := &attempt{query: q, server: server, stream: tcp || server.TLS != "", edns: edns, sent: f.now}
	for f.lastAsk++; ; {
		if a.id = uint16(f.random()); !f.ids[a.id] {
			break
		}
	}
	a.ask = f.lastAsk
	f.ids[a.id], f.asked[a.ask] = true, a
	q.attempts = append(q.attempts, a)
	q.next = f.now + patience[q.tries]
	if server.TLS != "" {
		q.next += secure
	}
	f.wake = min(f.wake, q.next)
	q.tries++
	if s := f.servers[server]; s != nil {
		s.asked++
	}
	f.out = append(f.out, Ask{Ask: a.ask, To: server, TCP: tcp, Data: a.message()})
}

// message is the question as it is sent: with nothing of the client's but what is asked for.
func (a *attempt) message() []byte {
	q := a.query.asked
	b := make([]byte, headerSize, headerSize+len(q.name)+4+optSize)
	binary.BigEndian.PutUint16(b, a.id)
	flags := uint16(flagRD | flagAD) // AD asks to be told whether it was validated (RFC 6840, 5.7)
	if q.cd {
		flags |= flagCD
	}
	binary.BigEndian.PutUint16(b[2:], flags)
	b[5] = 1
	b = append(b, q.name...)
	b = binary.BigEndian.AppendUint16(b, q.kind)
	b = binary.BigEndian.AppendUint16(b, q.class)
	if a.edns {
		b = appendOPT(b, q.do, 0, false)
		if a.server.TLS != "" {
			b = pad(b)
		}
	}
	return b
}

// padding is the block of RFC 8467: so the length of what is encrypted does not tell which name it is.
const padding = 128

// pad adds an option to the OPT record at the end, which has none yet.
func pad(b []byte) []byte {
	size := (padding - (len(b)+4)%padding) % padding
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(4+size))
	b = append(b, 0, 12, byte(size>>8), byte(size))
	return append(b, make([]byte, size)...)
}

// drop ends an attempt.
func (f *Forwarder) drop(a *attempt) {
	if f.asked[a.ask] != a {
		return
	}
	delete(f.asked, a.ask)
	delete(f.ids, a.id)
	f.out = append(f.out, Forget{a.ask})
}

// fromUpstream takes an answer, if it is one to what was asked.
func (f *Forwarder) fromUpstream(ask uint64, b []byte) {
	a := f.asked[ask]
	if a == nil {
		f.counts.Late++
		return
	}
	q := a.query
	if len(b) < headerSize || u16(b) != a.id || u16(b[2:])&flagQR == 0 {
		f.unwanted(a)
		return
	}
	if bare := len(b) == headerSize && u16(b[4:]) == 0; bare && u16(b[2:])&maskRcode != rcodeSuccess {
		f.refused(a, int(u16(b[2:])&maskRcode)) // some say no without repeating the question
		return
	}
	if u16(b[2:])&maskOpcode != 0 || !answers(b, q.asked) {
		f.unwanted(a)
		return
	}
	if u16(b[2:])&flagTC != 0 && !a.stream {
		f.drop(a)
		f.attempt(q, a.server, true, a.edns)
		return
	}
	m, ok := readMessage(b)
	if !ok {
		f.counts.BadAnswers++
		f.failed(a, "its answer was malformed")
		return
	}
	switch code := m.rcode(); code {
	case rcodeSuccess, rcodeNXDomain:
		f.servers[a.server].good(f.now - a.sent)
		f.accept(q, &m)
	default:
		f.refused(a, code)
	}
}

// answers says whether a message has the question at its beginning, whatever comes behind.
func answers(b []byte, q question) bool {
	name, at, ok := readName(b, headerSize)
	return ok && name == q.name && at+4 <= len(b) && u16(b[at:]) == q.kind && u16(b[at+2:]) == q.class
}

// unwanted counts an answer that nobody asked for: over UDP it may be a guess, and the next one might be right.
func (f *Forwarder) unwanted(a *attempt) {
	f.counts.Unwanted++
	if a.stream {
		f.failed(a, "its answer was to another question")
		return
	}
	if a.unwanted++; a.unwanted == maxUnwanted {
		f.drop(a)
		f.attempt(a.query, a.server, true, a.edns)
	}
}

// refused goes on after a server has said that it will not answer.
func (f *Forwarder) refused(a *attempt, code int) {
	s := f.servers[a.server]
	if a.edns && (code == rcodeFormErr || code == rcodeNotImp) { // it may be older than EDNS
		if s != nil {
			s.plainUntil = f.now + plainTime
		}
		f.drop(a)
		f.attempt(a.query, a.server, a.stream && a.server.TLS == "", false)
		return
	}
	s.refused(code)
	f.drop(a)
	f.ask(a.query)
}

// failed goes on without a server.
func (f *Forwarder) failed(a *attempt, why string) {
	f.servers[a.server].bad(f.now, why)
	f.drop(a)
	for _, other := range a.query.attempts {
		if f.asked[other.ask] == other && other.sent >= a.sent {
			return // another one is being waited for
		}
	}
	f.ask(a.query)
}

// accept keeps an answer and gives it to who waits.
func (f *Forwarder) accept(q *query, m *message) {
	e := &entry{asked: q.asked, stored: f.now, authentic: m.flags&flagAD != 0, body: m.body}
	ttl := m.ttl()
	if longest(f.local.exempt, q.asked.name) == "" && m.hasPrivate(f.own) {
		f.counts.Rebind++
		e.answer, e.authentic, e.blocked = emptyAnswer(m.b[:m.body]), false, true
		ttl = blockedTTL
	} else {
		e.answer = m.withoutOPT()
	}
	if e.until = f.now + ttl; ttl > 0 && len(e.answer) <= cacheLargest {
		f.cache.put(e)
	}
	f.end(q, e)
}

// emptyAnswer is a header and a question without anything behind it.
func emptyAnswer(b []byte) []byte {
	b = append([]byte(nil), b...)
	b[2], b[3] = flagQR>>8, 0
	clear(b[6:headerSize])
	return b
}

// giveUp ends a query that no server has answered, unless one may still do so.
func (f *Forwarder) giveUp(q *query) {
	for _, a := range q.attempts {
		if f.asked[a.ask] == a && q.next > f.now {
			return
		}
	}
	f.counts.Unanswered++
	b := make([]byte, headerSize, headerSize+len(q.asked.name)+4)
	b[3] = rcodeServFail
	b = binary.BigEndian.AppendUint16(append(b, q.asked.name...), q.asked.kind)
	b = binary.BigEndian.AppendUint16(b, q.asked.class)
	e := &entry{asked: q.asked, answer: b, body: len(b), stored: f.now, until: f.now + failureTTL}
	f.cache.put(e)
	f.end(q, e)
}

// expire asks the next server where one has been silent for too long.
func (f *Forwarder) expire() {
	if f.now < f.wake {
		return
	}
	for _, q := range f.queries {
		if q.next > f.now {
			continue
		}
		for _, a := range q.attempts {
			if f.asked[a.ask] == a && !a.silent {
				a.silent = true
				f.servers[a.server].silent(f.now)
			}
		}
		f.ask(q)
	}
	f.wake = Never
	for _, q := range f.queries {
		f.wake = min(f.wake, q.next)
	}
}
