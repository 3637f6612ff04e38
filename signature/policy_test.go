package signature

import (
	"errors"
	"strings"
	"testing"
)

func TestAcceptance(t *testing.T) {
	all := signers(t)
	old, next, foreign := all["Ed25519"], all["P-256"], signers(t)["Ed25519"]
	by := func(s signer) []Signed { return []Signed{s.sign(t, payloadOf(digestA))} }
	trusts := func(s ...signer) (keys []PublicKey) {
		for _, s := range s {
			keys = append(keys, s.public)
		}
		return keys
	}
	for _, c := range []struct {
		claim   string
		policy  Policy
		release int
		signed  []Signed
		refusal error
		words   string // in the note or the refusal
	}{
		{"without keys anything goes, unsigned", Policy{Lowest: 7}, 0, nil, nil, "not looked at"},
		{"without keys also an older one", Policy{Lowest: 7}, 3, by(foreign), nil, "not looked at"},
		{"unsigned", Policy{Keys: trusts(old)}, 8, nil, ErrUnsigned, "a key of its [trust] keys"},
		{"unsigned, and --downgrade is about age alone", Policy{Keys: trusts(old), Downgrade: true}, 8, nil, ErrUnsigned, "bantam sign"},
		{"signed by somebody else", Policy{Keys: trusts(old, next)}, 8, by(foreign), ErrForeign, "the .pub file of the key"},
		{"signed by somebody else, and --downgrade", Policy{Keys: trusts(old), Downgrade: true}, 8, by(foreign), ErrForeign, ""},
		{"signed", Policy{Keys: trusts(old)}, 0, by(old), nil, "signed by Ed25519 key"},
		{"signed by the second of two", Policy{Keys: trusts(old, next)}, 0, by(next), nil, "signed by P-256 key"},
		{"newer", Policy{Keys: trusts(old), Lowest: 7}, 8, by(old), nil, "signed by"},
		{"as old as the newest", Policy{Keys: trusts(old), Lowest: 7}, 7, by(old), nil, "signed by"},
		{"older", Policy{Keys: trusts(old), Lowest: 7}, 6, by(old), ErrOlder, "version 6 is older than 7, which this machine has accepted; `bantam import --downgrade`"},
		{"without a version, where there was one", Policy{Keys: trusts(old), Lowest: 7}, 0, by(old), ErrOlder, "without version is older than 7"},
		{"older, and --downgrade", Policy{Keys: trusts(old), Lowest: 7, Downgrade: true}, 6, by(old), nil, "version 6 is older than 7, which this machine has accepted, taken because of --downgrade"},
		{"newer, and --downgrade is not told", Policy{Keys: trusts(old), Lowest: 7, Downgrade: true}, 8, by(old), nil, "signed by"},
	} {
		note, refusal := c.policy.Signer(digestA, c.signed)
		if refusal == nil {
			age, older := c.policy.Age(c.release)
			if note += age; older != nil {
				note, refusal = "", older
			}
		}
		text := note
		if refusal != nil {
			text = refusal.Error()
		}
		if !errors.Is(refusal, c.refusal) || (refusal == nil) != (c.refusal == nil) || !strings.Contains(text, c.words) {
			t.Errorf("%s: %q, %v, want %v with %q", c.claim, note, refusal, c.refusal, c.words)
		}
		if (note == "") != (refusal != nil) {
			t.Errorf("%s: note %q beside refusal %v", c.claim, note, refusal)
		}
		if strings.Contains(note, "--downgrade") != (c.refusal == nil && c.release < c.policy.Lowest && len(c.policy.Keys) > 0) {
			t.Errorf("%s: note %q", c.claim, note)
		}
	}
}
