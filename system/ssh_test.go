package system

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const annasKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8hNVQVwSZFYUyROg7Y+Jq8pJ5rL7hR8dXJ3kO0uTqH anna@laptop"

func TestOnlyWhoHasKeysLogsIn(t *testing.T) {
	const users = "[user.anna]\nuid = 1000\nauthorized_keys = ['" + annasKey + "']\n[user.root]\nauthorized_keys = ['" + annasKey + "']\n[user.web]\nuid = 1001\n"
	for _, tt := range []struct {
		text string
		want []string
		port int
	}{
		{"", nil, 22},
		{"[user.web]\nuid = 1\n[ssh]\nport = 2222\n", nil, 2222},
		{users, []string{"anna", "root"}, 22},
		{users + "[ssh]\nusers = ['anna']\n", []string{"anna"}, 22},
	} {
		s, problems := Parse("f", []byte(tt.text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := s.LogIns(); !slices.Equal(got, tt.want) || s.SSH.Port != tt.port {
			t.Errorf("%q: got %v at %d, want %v at %d", tt.text, got, s.SSH.Port, tt.want, tt.port)
		}
	}
}

func TestOfKeysADifferenceShowsTheEnds(t *testing.T) {
	of := func(keys string) *System {
		s, problems := Parse("f", []byte("[user.anna]\nuid = 1000\nauthorized_keys = ["+keys+"]\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return s
	}
	const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDLuYxCAW8JjdQ6H1JWVwr0VMNpZ1QkZpo6rNQ0WUJ1"
	got := Diff(of("'"+annasKey+"'"), of("'"+annasKey+"', '"+other+"'"))
	const want = `user.anna.authorized_keys: ["ssh-ed25519 ...3kO0uTqH anna@laptop"] -> ["ssh-ed25519 ...3kO0uTqH anna@laptop", "ssh-ed25519 ...rNQ0WUJ1"]`
	if len(got) != 1 || got[0].String() != want {
		t.Errorf("got %v\nwant %s", got, want)
	}
}

func TestKeysOfAllUsersAreBounded(t *testing.T) {
	text := func(keys int) []byte {
		var b strings.Builder
		for user := range 2 {
			fmt.Fprintf(&b, "[user.u%d]\nuid = %d\nauthorized_keys = [\n", user, 1000+user)
			for i := range keys / 2 {
				blob, _ := base64.StdEncoding.DecodeString(strings.Fields(annasKey)[1])
				blob[len(blob)-1], blob[len(blob)-2] = byte(i), byte(i>>8)
				fmt.Fprintf(&b, "\"ssh-ed25519 %s\",\n", base64.StdEncoding.EncodeToString(blob))
			}
			b.WriteString("]\n")
		}
		return []byte(b.String())
	}
	if _, problems := Parse("f", text(mostLoginKeys)); len(problems) > 0 {
		t.Error(problems)
	}
	if _, problems := Parse("f", text(mostLoginKeys+2)); len(problems) != 1 || !strings.Contains(problems[0].Message, "user.u1.authorized_keys: with these, more than the 500") {
		t.Error(problems)
	}
}

func TestSSHWithoutKeysIsRemarkedOn(t *testing.T) {
	got := Remarks("f", []byte("hostname = \"x\"\n[ssh]\nport = 2222\n"))
	if len(got) != 1 || got[0].Line != 2 || !strings.Contains(got[0].Message, "nothing listens") {
		t.Errorf("got %v", got)
	}
}

func TestFingerprintsAreThoseOfSSHKeygen(t *testing.T) {
	const want = "SHA256:9aNp/yjyvlwyBBgnylgBwkLkCQgwnxQD5t7qsPMCP8I" // ssh-keygen -l of OpenSSH 9.2
	if got := KeyFingerprint(annasKey); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, line := range []string{"", "ssh-ed25519", "ssh-ed25519 ?"} {
		if got := KeyFingerprint(line); got != "" {
			t.Errorf("%q: %q", line, got)
		}
	}
}
