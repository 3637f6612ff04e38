package dnsforward

import "time"

// cache keeps answers for as long as they say, and no more of them than its bounds allow: those that nobody asked for
// longest go first.
type cache struct {
	entries       map[question]*entry
	newest        *entry // of a ring by last use; nil: empty
	bytes         int
	limit, volume int // of entries and bytes
}

// entry is an answer as it came, without OPT record.
type entry struct {
	asked         question
	answer        []byte
	stored, until time.Duration
	newer, older  *entry
	authentic     bool // upstream has validated it
	failure       bool // nobody knows
	body          int  // where the records begin
	blocked       bool // had an address that it may not have
}

// entryOverhead is what an entry takes beside its answer and twice its name: the struct, its place in the map.
const entryOverhead = 250

func (e *entry) size() int { return entryOverhead + 2*len(e.asked.name) + cap(e.answer) }

func newCache(limit, volume int) cache {
	return cache{entries: map[question]*entry{}, limit: limit, volume: volume}
}

// get finds an answer that is still good.
func (c *cache) get(q question, now time.Duration) *entry {
	e := c.entries[q]
	if e == nil {
		return nil
	}
	if now >= e.until {
		c.remove(e)
		return nil
	}
	if e != c.newest {
		c.unlink(e)
		c.link(e)
	}
	return e
}

func (c *cache) put(e *entry) {
	if old := c.entries[e.asked]; old != nil {
		c.remove(old)
	}
	if e.size() > c.volume {
		return
	}
	c.entries[e.asked] = e
	c.bytes += e.size()
	c.link(e)
	for len(c.entries) > c.limit || c.bytes > c.volume {
		c.remove(c.newest.newer) // the ring's oldest
	}
}

func (c *cache) remove(e *entry) {
	delete(c.entries, e.asked)
	c.bytes -= e.size()
	c.unlink(e)
}

// link makes an entry the newest of the ring: the one beyond it is the oldest.
func (c *cache) link(e *entry) {
	if c.newest == nil {
		e.newer, e.older = e, e
	} else {
		e.older, e.newer = c.newest, c.newest.newer
		e.older.newer, e.newer.older = e, e
	}
	c.newest = e
}

func (c *cache) unlink(e *entry) {
	if c.newest == e {
		c.newest = e.older
	}
	if c.newest == e { // it was alone
		c.newest = nil
	}
	e.newer.older, e.older.newer = e.older, e.newer
	e.newer, e.older = nil, nil
}
