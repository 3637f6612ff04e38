package system

import (
	"slices"

	"bantam/signature"
)

// mostKeys bounds what one refused generation costs a slow machine: each of its signatures is tried with each key.
const mostKeys = 16

// PublicKeys are the keys of [trust], in the order of the file; nil: generations from elsewhere need no signature.
func (t Trust) PublicKeys() (keys []signature.PublicKey) {
	for _, text := range t.Keys {
		key, err := signature.ParseKey(text)
		if err != nil {
			key = signature.PublicKey{} // accepts nothing: a key that cannot be read never opens the machine
		}
		keys = append(keys, key)
	}
	return keys
}

func (r *reader) checkTrust() {
	list := r.root.Get("trust", "keys")
	if ok(list) && len(list.Items) == 0 {
		r.fail(list, "remove the line if everybody's generations are to be taken", "trust.keys: it names no key")
	}
	if ok(list) && len(list.Items) > mostKeys {
		r.fail(list, "", "trust.keys: %d keys are more than %d", len(list.Items), mostKeys)
		return
	}
	var seen []string
	for i, text := range r.system.Trust.Keys {
		n := list.Item(i)
		if !ok(n) {
			continue
		}
		key, err := signature.ParseKey(text)
		switch {
		case err != nil:
			r.fail(n, signature.KeyForm, "trust.keys: the key %s", err)
		case slices.Contains(seen, key.Line()):
			r.fail(n, "remove it", "trust.keys: %s is there twice", key)
		default:
			seen = append(seen, key.Line())
		}
	}
}

func (r *reader) checkVersion() {
	if n := r.root.Get("version"); ok(n) && (n.Num < 1 || n.Num > signature.MaxRelease) {
		r.fail(n, "count the releases, e.g. version = 1, or write their dates, e.g. version = 2026112901",
			"version: %d is not between 1 and %d", n.Num, signature.MaxRelease)
	}
}
