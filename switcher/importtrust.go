package switcher

import (
	"slices"

	"bantam/signature"
)

// receive says which generation is offered, and whether it may come here: by what [trust] of the running system demands, and by what this machine is. Nothing of
// its manifest is read before a signature of it has been found good. signed: somebody who is trusted there has signed it. The note is for the log.
func (s *Switcher) receive(r ImportRequest) (g Generation, signed bool, note string, refusal error) {
	keys, err := s.trustedKeys()
	if err != nil {
		return g, false, "", err
	}
	policy := signature.Policy{Keys: keys, Lowest: s.recordNow().Release, Downgrade: r.Downgrade}
	if note, refusal = policy.Signer(string(DigestOf(r.Manifest)), r.Signed); refusal != nil {
		return g, false, "", refusal
	}
	if g, refusal = ParseManifest(r.Manifest); refusal != nil {
		return g, false, "", refusal
	}
	if refusal = s.admit(g, r.Manifest); refusal != nil { // before its age, about which a person may decide
		return g, false, "", refusal
	}
	age, refusal := policy.Age(g.Release)
	if age != "" {
		note += "; " + age
	}
	return g, len(keys) > 0, note, refusal
}

// trustedKeys are those of the running system.
func (s *Switcher) trustedKeys() ([]signature.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.system == nil {
		return nil, errNotStarted
	}
	return s.current.system.Trust.PublicKeys(), nil
}

// What is kept of the signatures that came with a generation, so that an export has them: a few, none of them large.
const (
	mostSigned       = 4
	longestPayload   = 1 << 10
	longestSignature = 512
)

// keepable are the signatures of g that the record can hold. Those of keys that are trusted are in front: the others may be nobody's.
func keepable(g Generation, all []signature.Signed, keys []signature.PublicKey) []signature.Signed {
	var trusted, others []signature.Signed
	digest := string(g.Digest())
	for _, one := range all {
		if len(one.Payload) > longestPayload || len(one.Signature) > longestSignature {
			continue
		}
		if _, err := signature.Verify(digest, []signature.Signed{one}, keys); err == nil {
			trusted = append(trusted, one)
		} else {
			others = append(others, one)
		}
	}
	list := append(trusted, others...)
	return list[:min(len(list), mostSigned)]
}

// keepSigned has the record hold the signatures that came with a generation; nil: they are there already, or there are none.
func (s *Switcher) keepSigned(g Generation, all []signature.Signed) func(*Record, int) {
	keys, err := s.trustedKeys()
	if err != nil {
		return nil
	}
	list, record := keepable(g, all, keys), s.recordNow()
	if e := record.named(g.Digest()); len(list) == 0 || e != nil && slices.EqualFunc(e.Signed, list, signature.Signed.Equal) {
		return nil
	}
	return func(r *Record, number int) { r.entry(number).Signed = list }
}
