package signature

import (
	"errors"
	"fmt"
	"strconv"
)

// MaxRelease is the highest release number: what fits into an int of every architecture.
const MaxRelease = 1<<31 - 1

// ErrOlder is why a generation is refused that is older than one that this machine has accepted.
var ErrOlder = errors.New("older release")

// Policy is what a machine demands of a generation that comes from elsewhere.
type Policy struct {
	Keys      []PublicKey // [trust] keys of the running generation; with none, everything is accepted
	Lowest    int         // the highest release that has been accepted here; 0: none has
	Downgrade bool        // a person has asked for an older one
}

// Offered is a generation that came from elsewhere, as far as it is known before any of its blobs.
type Offered struct {
	Digest  string // of its manifest
	Release int    // bantam.release of its manifest; 0: it has none
	Signed  []Signed
}

// Accept decides about what is offered. The note is for the log: who signed it, and what was overridden. The refusal says what to do.
func (p Policy) Accept(o Offered) (note string, refusal error) {
	if len(p.Keys) == 0 {
		return "its signature was not looked at: no [trust] keys in system.toml", nil
	}
	by, err := Verify(o.Digest, o.Signed, p.Keys)
	if errors.Is(err, ErrUnsigned) {
		return "", fmt.Errorf("%w, and this machine takes only what a key of its [trust] keys has signed: `bantam sign --key FILE` on the build host", err)
	}
	if err != nil {
		return "", fmt.Errorf("%w; it was signed with another key, or changed since: compare [trust] keys here with the .pub file of the key there", err)
	}
	note = "signed by " + p.Keys[by].String()
	if o.Release >= p.Lowest {
		return note, nil
	}
	older := fmt.Sprintf("%s is older than %d, which this machine has accepted", releaseWord(o.Release), p.Lowest)
	if !p.Downgrade {
		return "", fmt.Errorf("%w: %s; `bantam import --downgrade` takes it all the same", ErrOlder, older)
	}
	return note + "; " + older + ", taken because of --downgrade", nil
}

func releaseWord(n int) string {
	if n == 0 {
		return "a generation without version"
	}
	return "version " + strconv.Itoa(n)
}
