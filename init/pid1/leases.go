package pid1

import (
	"sync"
	"time"

	"bantam/atomicfile"
	"bantam/regular"

	"golang.org/x/sys/unix"
)

const (
	leasesPath  = statePath + "/dhcp-addresses"
	leasesPause = time.Minute // between two writes: they wear the disk, and one address a minute is a network out of order
)

// leaseKeeper keeps over a reboot which addresses the network configurator had
// by DHCP, or those that the servers have given away. The text is the configurator's alone and means nothing to PID 1, which
// bounds it, writes it to a file of its own, and lays it where the next one
// reads it: so what speaks with the network has no place on the disk.
type leaseKeeper struct {
	path string // e.g. /state/dhcp-addresses
	most int64  // bytes

	wake chan struct{}

	mu   sync.Mutex // never held while the disk is waited for
	text string

	writing sync.Mutex
	saved   string
}

func newLeaseKeeper(path string, most int64) *leaseKeeper {
	return &leaseKeeper{path: path, most: most, wake: make(chan struct{}, 1)}
}

// load reads what the machine kept when it ran last; "" is nothing. It comes before everything else.
func (k *leaseKeeper) load() string {
	text, err := regular.Read(k.path, unix.O_NOFOLLOW, k.most)
	if err != nil {
		return ""
	}
	k.text, k.saved = string(text), string(text)
	return k.text
}

// keep takes a new text. It never waits.
func (k *leaseKeeper) keep(text string) {
	k.mu.Lock()
	k.text = text
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// tend writes what is new, at most once in pause.
func (k *leaseKeeper) tend(pause time.Duration) {
	for range k.wake {
		if err := k.save(); err != nil {
			Logf(Warning, "%v", err)
		}
		time.Sleep(pause)
	}
}

// save writes the text if it is not the one that is there.
func (k *leaseKeeper) save() error {
	if k == nil {
		return nil // the machine ends before it has begun
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	text := k.text
	k.mu.Unlock()
	if text == k.saved {
		return nil
	}
	if err := atomicfile.Write(k.path, []byte(text), 0o600); err != nil {
		return err
	}
	k.saved = text
	return nil
}
