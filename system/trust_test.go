package system

import (
	"fmt"
	"strings"
	"testing"

	"bantam/signature"
)

const (
	edLine = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
	edPEM  = "-----BEGIN PUBLIC KEY-----\n" + edLine + "\n-----END PUBLIC KEY-----\n"
)

func TestTrustedKeysAreReadInTheOrderOfTheFile(t *testing.T) {
	const p256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
	s, problems := Parse("system.toml", fmt.Appendf(nil, "[trust]\nkeys = [%q, \"\"\"\n%s\"\"\"]\n", p256, edPEM))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	keys := s.Trust.PublicKeys()
	if len(keys) != 2 || keys[0].Line() != p256 || keys[1].Line() != edLine {
		t.Errorf("got %v", keys)
	}
	if keys := Default().Trust.PublicKeys(); len(keys) != 0 {
		t.Errorf("the empty file trusts %v", keys)
	}
}

// Parse refuses such a file; whoever gets one in another way shall not find the machine open.
func TestAKeyThatCannotBeReadOpensNothing(t *testing.T) {
	keys := Trust{Keys: []string{"damaged"}}.PublicKeys()
	if len(keys) != 1 || keys[0] != (signature.PublicKey{}) {
		t.Errorf("got %v, want one that accepts nothing", keys)
	}
}

func TestTooManyKeysAreRefused(t *testing.T) {
	text := "[trust]\nkeys = [" + strings.Repeat(`"x", `, mostKeys+1) + "]\n"
	_, problems := Parse("f", []byte(text))
	if len(problems) != 1 || problems[0].String() != "f:2:8: trust.keys: 17 keys are more than 16" {
		t.Errorf("got %v", problems)
	}
}

func TestNewKeysAndVersionsAreDifferences(t *testing.T) {
	parse := func(text string) *System {
		s, problems := Parse("f", []byte(text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return s
	}
	var got strings.Builder
	for _, c := range Diff(parse("version = 7\n"), parse("version = 8\n[trust]\nkeys = ['"+edLine+"']\n")) {
		got.WriteString(c.String() + "\n")
	}
	want := "version: 7 -> 8\ntrust.keys: (not set) -> [\"" + edLine + "\"]\n"
	if got.String() != want {
		t.Errorf("got %s, want %s", got.String(), want)
	}
}
