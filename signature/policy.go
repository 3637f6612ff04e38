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

// Signer decides about a manifest by its digest and signatures, before anything of it is read. The note is for the log, the refusal says what to do.
func (p Policy) Signer(digest string, signed []Signed) (note string, refusal error) {
	if len(p.Keys) == 0 {
		return "its signature was not looked at: no [trust] keys in system.toml", nil
	}
	by, err := Verify(digest, signed, p.Keys)
	if errors.Is(err, ErrUnsigned) {
		return "", fmt.Errorf("%w, and this machine takes only what a key of its [trust] keys has signed: `bantam sign --key FILE` on the build host", err)
	}
	if err != nil {
		return "", fmt.Errorf("%w; it was signed with another key, or changed since: compare [trust] keys here with the .pub file of the key there", err)
	}
	return "signed by " + p.Keys[by].String(), nil
}

// Age decides about a generation by bantam.release of its manifest; 0: it has none. The note says what was overridden; "": nothing.
func (p Policy) Age(release int) (note string, refusal error) {
	if len(p.Keys) == 0 || release >= p.Lowest {
		return "", nil
	}
	older := fmt.Sprintf("%s is older than %d, which this machine has accepted", releaseWord(release), p.Lowest)
	if !p.Downgrade {
		return "", fmt.Errorf("%w: %s; `bantam import --downgrade` takes it all the same", ErrOlder, older)
	}
	return older + ", taken because of --downgrade", nil
}

func releaseWord(n int) string {
	if n == 0 {
		return "a generation without version"
	}
	return "version " + strconv.Itoa(n)
}
