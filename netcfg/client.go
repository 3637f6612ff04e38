package netcfg

import "time"

// client is our end of one protocol at one port, as the loop sees it: what is waited for, and what has been found out.
// All methods are called from the loop's goroutine, and none of them waits.
type client interface {
	// deadline is when tick wants to be called though nothing arrives; forever for never.
	deadline() time.Duration
	tick(now time.Duration) news
	// descriptors are what to read from; one below zero is none.
	descriptors() []int
	// receive reads what has arrived.
	receive(buffer []byte) news
	// tell adds what is known at now to the facts.
	tell(f *Facts, now time.Duration)
	close()
}

// news is how much something has changed for others.
type news int

const (
	nothing news = iota
	counted      // counters, which are told with the next that matters
	shown        // what people are told
	learned      // facts, by which to act at once: there is no reason to wait for more
)

// all calls yield for each client.
func (d *daemon) all(yield func(client) bool) {
	for _, c := range d.clients {
		if !yield(c) {
			return
		}
	}
	for _, c := range d.dhcp6 {
		if !yield(c) {
			return
		}
	}
	for _, a := range d.announced {
		if !yield(a) {
			return
		}
	}
	if d.sessions != nil && !yield(d.sessions) {
		return
	}
	for _, s := range d.solicitors {
		if !yield(s) {
			return
		}
	}
	yield(d.names)
}

// note makes what a client has found out be looked at.
func (d *daemon) note(n news, now time.Duration) {
	switch n {
	case counted:
		d.tellAt = min(d.tellAt, now+countsPause)
	case shown:
		d.dirty = true
	case learned:
		d.dirty, d.lookAt = true, 0
	}
}
