package bootmenu

import "time"

const (
	// quiet is the silence that ends a burst. Keys of a person are further apart, those of a held key hardly nearer; what
	// is sent back to us, or made up by a bad line, has no gaps.
	quiet = 40 * time.Millisecond
	// heldFor is how long a burst of one key has to last to be a key that is held, with heldPresses of it at least.
	heldFor     = 150 * time.Millisecond
	heldPresses = 3
	// presses of one key ask for the menu, each within again of the one before.
	presses = 2
	again   = time.Second
	// mostForeign bytes that are no such key make a line one that nobody listens to: it sends back what it gets, or noise.
	// An answer of a terminal to a question that firmware has asked is shorter.
	mostForeign = 24
)

// Knock tells a person who wants the boot menu from everything else that a line gives while a machine starts. What counts
// is Space, Enter or Esc, pressed twice or held, with silence around it. A single byte opens nothing, for any byte may come of
// an open line; and a line that sends back all that it gets (a loop-back plug, a modem) never keeps silent around two equal
// bytes that are all there is.
type Knock struct {
	burst   []byte        // presses of one key, so far
	noise   bool          // other bytes came, and no silence since
	began   time.Duration // of the burst
	last    time.Duration // when bytes came last
	key     byte          // that was pressed
	count   int           // so often in a row
	at      time.Duration // the last time
	foreign int           // bytes that were no knock
	asked   bool
}

// Feed takes what has come at a time.
func (k *Knock) Feed(now time.Duration, b []byte) {
	k.Settle(now)
	if len(k.burst) == 0 {
		k.began = now
	}
	k.last = now
	if !k.noise {
		k.burst = append(k.burst, b...)
		b = k.burst
	}
	switch _, n := pressed(b); {
	case k.noise || n == 0:
		k.noise, k.count, k.burst = true, 0, nil
		k.foreign = min(k.foreign+len(b), mostForeign+1)
	case n >= heldPresses && now-k.began >= heldFor:
		k.end()
	}
}

// Settle ends a burst after which there was silence until now.
func (k *Knock) Settle(now time.Duration) {
	if now-k.last < quiet {
		return
	}
	k.noise = false
	if len(k.burst) > 0 {
		k.end()
	}
}

func (k *Knock) end() {
	key, n := pressed(k.burst)
	if k.count == 0 || key != k.key || k.began-k.at > again {
		k.count = 0
	}
	k.key, k.count, k.at, k.burst = key, k.count+n, k.last, nil
	k.asked = k.asked || k.count >= presses && k.foreign <= mostForeign
}

// Asked says whether somebody wants the menu.
func (k *Knock) Asked() bool { return k.asked }

// Until is when it will be known whether what has come so far is a knock; 0, or a time that has passed: it is known, and is
// none as long as nothing else comes.
func (k *Knock) Until() time.Duration {
	if k.asked || k.foreign > mostForeign {
		return 0
	}
	if _, n := pressed(k.burst); n > 0 {
		return k.last + quiet
	}
	if k.count > 0 {
		return k.at + again
	}
	return 0
}

// pressed says which key a burst consists of and how often it was pressed; 0: of something else. Enter may be any of CR,
// LF, CR LF and CR NUL.
func pressed(burst []byte) (key byte, count int) {
	for i, c := range burst {
		switch {
		case i > 0 && burst[i-1] == '\r' && (c == '\n' || c == 0):
			continue
		case c == '\n':
			c = '\r'
		}
		if c != ' ' && c != '\r' && c != 0x1b || count > 0 && c != key {
			return 0, 0
		}
		key = c
		count++
	}
	return key, count
}
