package pid1

import (
	"cmp"
	"encoding/base64"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"

	"bantam/entropy"
	"bantam/system"
)

// networkSecret tells the network configurator a secret that what runs names for one of its tunnels. A private key that
// nobody has set is made.
func (p *initProcess) networkSecret(name string) (value []byte, set, known bool) {
	var use system.SecretUse
	for _, u := range p.machine.runs().Secrets() {
		if u.Net != "" && u.Secret == name {
			use = u
		}
	}
	if use.Net == "" {
		return nil, false, false
	}
	value, err := p.machine.secrets.Value(name)
	if errors.Is(err, fs.ErrNotExist) {
		if !use.Made {
			return nil, false, true
		}
		if value, err = newPrivateKey(); err == nil {
			err = p.machine.secrets.SetNew(name, value)
		}
		switch {
		case errors.Is(err, fs.ErrExist): // a person was faster
			value, err = p.machine.secrets.Value(name)
		case err == nil:
			p.switcher.SecretMade(name, value)
			Logf(Notice, "secret %s was made: the private key of %s", name, use.Path)
		}
	}
	if err != nil {
		if !errors.Is(err, unix.EAGAIN) {
			Logf(Warning, "secret %s: %v", name, err)
		}
		return nil, false, false // it is asked for again
	}
	return value, true, true
}

// waitForRandom waits once, beside everything else, until the kernel has random numbers: it begins to gather them on a
// machine that has no source of its own only when somebody waits.
var waitForRandom = sync.OnceFunc(func() {
	go Guard("random numbers", func() { entropy.Fill(make([]byte, 1)) })
})

// newPrivateKey is a new key as wg genkey(8) makes it, a number for X25519. While the kernel has no random numbers it is
// EAGAIN: who asks has to ask again.
func newPrivateKey() ([]byte, error) {
	key := make([]byte, system.WireGuardKeySize)
	defer clear(key)
	if n, err := unix.Getrandom(key, unix.GRND_NONBLOCK); err != nil || n < len(key) {
		waitForRandom()
		return nil, cmp.Or(err, error(unix.EAGAIN))
	}
	key[0] &= 248
	key[31] = key[31]&127 | 64
	return base64.StdEncoding.AppendEncode(nil, key), nil
}
