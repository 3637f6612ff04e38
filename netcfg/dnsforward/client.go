package dnsforward

// fromClient answers a question, or has it asked.
func (f *Forwarder) fromClient(c Client, b []byte) {
	if len(b) < headerSize || u16(b[2:])&flagQR != 0 {
		f.counts.Malformed++
		return // an answer to an answer would go round for ever
	}
	f.counts.Questions++
	if !f.allowed(c) {
		f.counts.Refused++
		f.refuse(c, b, rcodeRefused)
		return
	}
	if u16(b[2:])&maskOpcode != 0 {
		f.refuse(c, b, rcodeNotImp)
		return
	}
	m, ok := readMessage(b)
	if !ok || u16(b[6:]) != 0 || u16(b[8:]) != 0 || m.asked.kind == typeOPT {
		f.counts.Malformed++
		f.refuse(c, b, rcodeFormErr)
		return
	}
	a := asking{client: c, id: m.id, flags: m.flags, text: string(b[headerSize:m.body]), q: m.asked, edns: m.opt >= 0}
	size, version, do := m.edns()
	a.size, a.q.do, a.q.cd = size, do, m.flags&flagCD != 0
	switch {
	case a.edns && version != 0:
		f.answer(&a, reply{rcode: rcodeBadVers})
	case a.q.class != classIN, a.q.kind >= typeTKEY && a.q.kind <= typeMAILA: // of transfers, keys and the server itself
		f.counts.Refused++
		f.answer(&a, reply{rcode: rcodeRefused})
	default:
		f.resolve(&a)
	}
}

func (f *Forwarder) resolve(a *asking) {
	if r, ours := f.local.resolve(a.q); ours {
		f.counts.Local++
		f.answer(a, r)
		return
	}
	if e := f.cache.get(a.q, f.now); e != nil {
		f.counts.Cached++
		f.answerKept(a, e)
		return
	}
	if a.flags&flagRD == 0 { // it wants only what we know
		f.counts.Refused++
		f.answer(a, reply{rcode: rcodeRefused})
		return
	}
	q := f.queries[a.q]
	if q != nil && q.hasAsked(a) {
		return // said again
	}
	if f.waits >= maxWaiting || f.waiting[a.client.Addr.Addr()] >= maxPerClient || q == nil && len(f.queries) >= maxQueries {
		f.counts.Overload++
		f.answer(a, reply{rcode: rcodeServFail})
		return
	}
	f.waits++
	f.waiting[a.client.Addr.Addr()]++
	if q != nil {
		f.counts.Merged++
		q.clients = append(q.clients, *a)
		return
	}
	q = &query{asked: a.q, clients: []asking{*a}, servers: f.serversFor(a.q.name)}
	f.queries[a.q] = q
	f.counts.Forwarded++
	f.ask(q)
}

func (q *query) hasAsked(a *asking) bool {
	for i := range q.clients {
		if c := &q.clients[i]; c.client == a.client && c.id == a.id {
			return true
		}
	}
	return false
}

// end gives all who wait for a query their answer; nil: there is none.
func (f *Forwarder) end(q *query, e *entry) {
	for _, a := range q.attempts {
		f.drop(a)
	}
	delete(f.queries, q.asked)
	for i := range q.clients {
		a := &q.clients[i]
		f.waits--
		addr := a.client.Addr.Addr()
		if f.waiting[addr]--; f.waiting[addr] == 0 {
			delete(f.waiting, addr)
		}
		if e == nil {
			f.answer(a, reply{rcode: rcodeServFail})
		} else {
			f.answerKept(a, e)
		}
	}
}
