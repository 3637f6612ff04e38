package system

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"bantam/system/syntax"
)

// lineOf is a public key as OpenSSH writes it.
func lineOf(t testing.TB, key any) string {
	t.Helper()
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

// someKeys are public keys of all types, by what is said of each.
func someKeys(t testing.TB) map[string]string {
	t.Helper()
	keys := map[string]string{}
	plain, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys["ed25519"] = lineOf(t, plain)
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[curve.Params().Name] = lineOf(t, &key.PublicKey)
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), 2047) // as long as one of 2048 bits
	keys["RSA of 2048 bits"] = lineOf(t, &rsa.PublicKey{N: modulus.Add(modulus, big.NewInt(1)), E: 65537})
	security := func(name string, fields ...any) string {
		b := ssh.Marshal(struct{ Name string }{name})
		for _, f := range fields {
			b = append(b, ssh.Marshal(f)...)
		}
		return name + " " + base64.StdEncoding.EncodeToString(b)
	}
	type text struct{ Text []byte }
	keys["ed25519 of a security key"] = security("sk-ssh-ed25519@openssh.com", text{plain}, text{[]byte("ssh:")})
	point := append([]byte{4}, make([]byte, 64)...)
	keys["P-256 of a security key"] = security("sk-ecdsa-sha2-nistp256@openssh.com", text{[]byte("nistp256")}, text{point}, text{[]byte("ssh:")})
	return keys
}

func TestKeysOfEveryTypeOpenAUser(t *testing.T) {
	keys := someKeys(t)
	if len(keys) != len(keyTypes) {
		t.Errorf("%d keys for %d types", len(keys), len(keyTypes))
	}
	for what, line := range keys {
		for _, form := range []string{line, line + " anna@laptop", line + " with two words", "  " + line + "  "} {
			if why, _ := keyFault(form); why != "" {
				t.Errorf("%s, %q: %s", what, form, why)
			}
		}
		blob, _ := base64.StdEncoding.DecodeString(strings.Fields(line)[1])
		for n := range blob { // no part of a key is one
			part := strings.Fields(line)[0] + " " + base64.StdEncoding.EncodeToString(blob[:n])
			if why, _ := keyFault(part); why == "" {
				t.Errorf("%s: its first %d bytes are taken for a key", what, n)
			}
		}
		longer := strings.Fields(line)[0] + " " + base64.StdEncoding.EncodeToString(append(blob, 0))
		if why, _ := keyFault(longer); why == "" {
			t.Errorf("%s: with a byte behind it, it is taken", what)
		}
	}
	short := new(big.Int).Lsh(big.NewInt(1), 2046)
	weak := lineOf(t, &rsa.PublicKey{N: short.Add(short, big.NewInt(1)), E: 65537})
	if why, _ := keyFault(weak); !strings.Contains(why, "2047 bits is too weak") {
		t.Errorf("an RSA key of 2047 bits: %q", why)
	}
}

func FuzzAKeyThatIsTakenIsOneForSSHToo(f *testing.F) {
	for _, line := range someKeys(f) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		why, suggestion := keyFault(line)
		if why != "" {
			if suggestion == "" {
				t.Errorf("%q: nothing is suggested", line)
			}
			return
		}
		_, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err == nil && len(options) > 0 {
			t.Errorf("%q has options for package ssh", line)
		}
		if err != nil && !strings.Contains(line, "ecdsa") { // whether a point is on its curve is not looked at here
			t.Errorf("%q: package ssh: %v", line, err)
		}
	})
}

func TestWhatIsNotSaidOfAUser(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	const hash = "$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2"
	memory := func(u User) User { u.HomeIn = HomeInMemory; return u }
	for _, c := range []struct {
		claim, name, text string
		want              User
	}{
		{"a user of services has no home and no shell", "web", "uid = 7", memory(User{UID: 7, GID: 7, Home: "/var/empty", Shell: "/bin/false"})},
		{"who has a key has both", "anna", "uid = 7\nauthorized_keys = [" + syntax.Quote(key) + "]",
			memory(User{UID: 7, GID: 7, Home: "/home/anna", Shell: "/bin/sh", AuthorizedKeys: []string{key}})},
		{"who has a password too", "anna", "uid = 7\npassword = " + syntax.Quote(hash),
			memory(User{UID: 7, GID: 7, Home: "/home/anna", Shell: "/bin/sh", Password: hash})},
		{"a home that lasts is one", "web", "uid = 7\nhome_in = \"state\"", User{UID: 7, GID: 7, Home: "/home/web", HomeIn: "state", Shell: "/bin/false"}},
		{"the group of the user's name is the user's", "web", "uid = 7\n[group.web]\ngid = 70", memory(User{UID: 7, GID: 70, Home: "/var/empty", Shell: "/bin/false"})},
		{"a user called operator is one", "operator", "uid = 7", memory(User{UID: 7, GID: OperatorGID, Home: "/var/empty", Shell: "/bin/false"})},
		{"root has all but keys and password", "root", "password = " + syntax.Quote(hash), memory(User{Home: "/root", Shell: "/bin/sh", Password: hash})},
	} {
		if got := parse(t, "[user."+c.name+"]\n"+c.text+"\n").Users[c.name]; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.claim, got, c.want)
		}
	}
}

func TestGroupsHaveOneNameEach(t *testing.T) {
	s := parse(t, `
[user.b]
uid = 20
gid = 100
[user.a]
uid = 30
gid = 100
groups = ["shared", "operator"]
[user.c]
uid = 5
[user.d]
uid = 40
gid = 200
[user.e]
uid = 50
[group.shared]
gid = 200
[file."/etc/a"]
text = ""
owner = "a"
group = "e"
[file."/etc/b"]
text = ""
owner = "a"
`)
	want := map[string]int{"root": 0, "tty": 5, "operator": OperatorGID, "netcfg": 65533, "nogroup": 65534, "shared": 200, "b": 100, "e": 50}
	if got := s.GroupIDs(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for path, want := range map[string][2]int{"/etc/a": {30, 50}, "/etc/b": {30, 100}} {
		if uid, gid := s.FileIDs(s.Files[path]); uid != want[0] || gid != want[1] {
			t.Errorf("%s: %d:%d, want %v", path, uid, gid, want)
		}
	}
}

func TestConsolesHaveTheirOwnWord(t *testing.T) {
	const user = "[user.anna]\nuid = 1000\npassword = \"$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2\"\n"
	for _, c := range []struct{ text, ttyS0, tty1 string }{
		{"", "root", "root"},
		{"[console]\nlogin = \"password\"\n", "password", "password"},
		{"[console.tty1]\nlogin = \"none\"\n", "root", "none"},
		{"[console]\nlogin = \"password\"\ntty1.login = \"none\"\n", "password", "none"},
		{"[console]\nlogin = \"none\"\n[console.ttyS0]\nlogin = \"root\"\n", "root", "none"},
	} {
		s := parse(t, c.text+user)
		if a, b := s.Console.LoginAt("ttyS0"), s.Console.LoginAt("tty1"); a != c.ttyS0 || b != c.tty1 {
			t.Errorf("%q: ttyS0 %s, tty1 %s", c.text, a, b)
		}
	}
	if got := (Console{}).LoginAt("ttyS0"); got != "root" {
		t.Errorf("without a system: %q", got)
	}
	a, b := parse(t, "[console]\nlogin = \"password\"\n"+user), parse(t, "[console.tty1]\nlogin = \"none\"\n"+user)
	if got, want := fmt.Sprint(Diff(a, b)), `[console.login: "password" -> "root" console.tty1.login: (not set) -> "none"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
