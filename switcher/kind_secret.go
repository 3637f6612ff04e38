package switcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"bantam/lifecycle"
	"bantam/system"
)

// KindSecret is the secrets that a system names. A switch changes none, but what has got an older value gets the present
// one: a service by a restart, a file by being written.
const KindSecret Kind = "secret"

type secretKind struct{ separate }

type secretMachine interface {
	// Secret is the value that the secret has now; fs.ErrNotExist if nobody has set it.
	Secret(name string) ([]byte, error)
}

func (m *bounded) Secret(name string) ([]byte, error) {
	return named(m, answerLimit, "read secret "+name, func() ([]byte, error) { return m.Machine.Secret(name) })
}

// secretKey is drawn anew by each boot and known to nobody else. A boot does not wait for it: where the kernel's
// random numbers are not good yet, it is made of what there is.
var secretKey = sync.OnceValue(func() []byte {
	key := make([]byte, sha256.Size)
	for _, how := range []int{unix.GRND_NONBLOCK, unix.GRND_INSECURE, 0} { // the second is since Linux 5.6
		if n, err := unix.Getrandom(key, how); err == nil && n == len(key) {
			break
		}
	}
	return key
})

// Keyed tells a text from another and nothing about it, also to who tries all that it may be. It is a digest whose key
// both its sums begin with, as HMAC's do.
func Keyed(text []byte) string {
	inner := sha256.Sum256(slices.Concat(secretKey(), text))
	outer := sha256.Sum256(slices.Concat(secretKey(), inner[:]))
	return hex.EncodeToString(outer[:])
}

func (secretKind) name() Kind { return KindSecret }

// desired are the secrets that are set. That one is not is no fault of a boot, in which all else can run: see check.
func (secretKind) desired(m Machine, d *Desired) (Items, error) {
	items := Items{}
	var faults []error
	for _, use := range d.System.Secrets() {
		if _, known := items[use.Secret]; known {
			continue
		}
		value, err := m.Secret(use.Secret)
		switch {
		case err == nil:
			items[use.Secret] = Keyed(value)
		case !errors.Is(err, fs.ErrNotExist):
			faults = append(faults, fmt.Errorf("secret %s: %w", use.Secret, err))
		}
	}
	return items, errors.Join(faults...)
}

// observe says which values those had that the running definitions were adopted with.
func (secretKind) observe(_ Machine, o *Observed, _ Desired) (Items, error) {
	return o.memory.secrets, nil
}

func (secretKind) plan(*planner) {}

// check finds secrets that are not set, or that cannot be what they are for.
func (secretKind) check(c *precheck) (faults []error, notes []string) {
	for _, use := range c.to.system.Secrets() {
		value, err := c.machine.Secret(use.Secret)
		fault := ""
		if use.Wifi {
			fault = system.PassphraseFault(bytes.TrimSuffix(value, []byte("\n")))
		}
		switch {
		case errors.Is(err, fs.ErrNotExist) && use.Made:
			continue
		case err == nil && use.Net != "":
			if _, err = system.ParseWireGuardKey(string(value)); err == nil {
				continue
			}
			err = fmt.Errorf("secret %s, which %s needs, %w", use.Secret, use.Path, err)
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("secret %s, which %s needs, is not set: `bantam secret set %s`", use.Secret, use.Path, use.Secret)
		case err != nil:
			err = fmt.Errorf("secret %s, which %s needs: %w", use.Secret, use.Path, err)
		case (use.Service != "" || use.Session != "") && bytes.IndexByte(value, 0) >= 0:
			err = fmt.Errorf("secret %s has a zero byte, which no variable can hold: %s", use.Secret, use.Path)
		case fault != "":
			err = fmt.Errorf("secret %s, which %s needs, is no passphrase: %s: `bantam secret set %s`", use.Secret, use.Path, fault, use.Secret)
		default:
			continue
		}
		if use.Service != "" && c.to.system.Services[use.Service].MayFail {
			notes = append(notes, err.Error())
		} else {
			faults = append(faults, err)
		}
	}
	return faults, notes
}

func (secretKind) apply(context.Context, *operation, []Step, target) error {
	return errors.ErrUnsupported
}

// changedSecrets says which of the uses have got another value than the secret has now; "" if none.
func (p *planner) changedSecrets(wanted func(system.SecretUse) bool) string {
	var changed []string
	had, has := p.from.Items[KindSecret], p.to.Items[KindSecret]
	for _, use := range p.toSystem.Secrets() {
		text := "secret " + use.Secret + " has changed"
		if was, now := had[use.Secret], has[use.Secret]; wanted(use) && was != now && (len(changed) == 0 || changed[len(changed)-1] != text) {
			changed = append(changed, text)
		}
	}
	return strings.Join(changed, "; ")
}

// SecretMade notes that a secret of the generation that runs has its first value: what uses it has that one.
func (s *Switcher) SecretMade(name string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := maps.Clone(s.memory.secrets) // the plan that it was adopted with has it, too
	if secrets == nil {
		secrets = Items{}
	}
	secrets[name] = Keyed(value)
	s.memory.secrets = secrets
}

// withSecrets adds to the fingerprints of services the values that they have in their environments.
func withSecrets(sys *system.System, prints, secrets Items) Items {
	all, have := Items{}, map[string]string{}
	for _, use := range sys.Secrets() {
		if use.Service != "" {
			have[use.Service] += use.Path + " " + secrets[use.Secret] + "\n"
		}
	}
	for name, print := range prints {
		all[name] = lifecycle.WithFiles(print, have[name], "")
	}
	return all
}

// contentOf is what is to be in a file.
func contentOf(m Machine, f system.File) ([]byte, error) {
	if f.Text.Secret == "" {
		return []byte(f.Text.Text), nil
	}
	value, err := m.Secret(f.Text.Secret)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotSet(f.Text.Secret)
	}
	return value, err
}

// errNotSet is the error of what needs a secret that nobody has set.
type errNotSet string

func (e errNotSet) Error() string {
	return fmt.Sprintf("secret %s is not set: `bantam secret set %s`", string(e), string(e))
}
