package switcher

import (
	"slices"

	"bantam/signature"
)

// trust says whether the generation may come here by what [trust] of the running system demands. signed: somebody who is trusted
// there has signed it. The note is for the log.
func (s *Switcher) trust(g Generation, r ImportRequest) (signed bool, note string, refusal error) {
	s.mu.Lock()
	running := s.current.system
	s.mu.Unlock()
	if running == nil {
		return false, "", errNotStarted
	}
	policy := signature.Policy{Keys: running.Trust.PublicKeys(), Lowest: s.recordNow().Release, Downgrade: r.Downgrade}
	note, refusal = policy.Accept(signature.Offered{Digest: string(DigestOf(r.Manifest)), Release: g.Release, Signed: r.Signed})
	return len(policy.Keys) > 0, note, refusal
}

// What is kept of the signatures that came with a generation, so that an export has them: a few, none of them large.
const (
	mostSigned       = 4
	longestPayload   = 1 << 10
	longestSignature = 512
)

// keepable are the signatures that the record can hold.
func keepable(all []signature.Signed) (list []signature.Signed) {
	for _, one := range all {
		if len(list) < mostSigned && len(one.Payload) <= longestPayload && len(one.Signature) <= longestSignature {
			list = append(list, one)
		}
	}
	return list
}

// keepSigned has the record hold the signatures that came with a generation; nil: they are there already, or there are none.
func (s *Switcher) keepSigned(g Generation, all []signature.Signed) func(*Record, int) {
	list, record := keepable(all), s.recordNow()
	same := func(a, b signature.Signed) bool {
		return string(a.Payload) == string(b.Payload) && string(a.Signature) == string(b.Signature)
	}
	if e := record.named(g.Digest()); len(list) == 0 || e != nil && slices.EqualFunc(e.Signed, list, same) {
		return nil
	}
	return func(r *Record, number int) { r.entry(number).Signed = list }
}
