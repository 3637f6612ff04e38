package system

import (
	"reflect"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// Value is a text of the file, or the name of a secret: the device has its value, and no generation does.
type Value struct {
	Secret string `toml:"secret" doc:"in place of a text: name of a secret of the device, which \"bantam secret set NAME\" sets"` // e.g. mqtt-password
	Text   string `toml:"-"`                                                                                                      // "" with a secret
}

var valueType = reflect.TypeFor[Value]()

// MostSecretName is how long the name of a secret may be, in bytes.
const MostSecretName = 64

// MayBeSecret reports whether a secret may have that name.
func MayBeSecret(name string) bool {
	return name != "" && len(name) <= MostSecretName && name == strings.ToLower(name) && consists(name, "._-") && !strings.ContainsRune("._-", rune(name[0]))
}

// fillValue takes a string, or a table that names a secret.
func (r *reader) fillValue(n *syntax.Node, dst *Value, path string) {
	if n.Kind != syntax.TableKind {
		if r.expect(n, syntax.StringKind, path, "a string or { secret = \"NAME\" }") {
			r.noZero(n, path)
			dst.Text = n.Text
		}
		return
	}
	r.fillStruct(n, reflect.ValueOf(dst).Elem(), path)
	switch name := n.Get("secret"); {
	case name == nil && !n.Bad && !badBelow(n):
		r.failAt(n, n.Key, "write { secret = \"NAME\" }, or a string", "%s: it names no secret", path)
	case ok(name) && !MayBeSecret(dst.Secret):
		suggestion := "use lower-case letters, digits and . _ -, starting with a letter or digit, at most 64"
		if lower := strings.ToLower(dst.Secret); lower != dst.Secret && MayBeSecret(lower) {
			suggestion = "write " + syntax.Quote(lower)
		}
		r.fail(name, suggestion, "%s.secret: %q is not a name for a secret", path, dst.Secret)
	}
}

// badBelow reports whether something in the table has been reported.
func badBelow(n *syntax.Node) bool {
	return slices.ContainsFunc(n.Names, func(name string) bool { return n.Kids[name].Bad })
}

// noZero: neither a file system's names nor a process's arguments and variables can hold it.
func (r *reader) noZero(n *syntax.Node, path string) {
	if strings.Contains(n.Text, "\x00") {
		r.fail(n, `remove \u0000`, "%s: text must not contain a zero byte", path)
	}
}

// toml writes the value as in a file.
func (v Value) toml() string {
	if v.Secret != "" {
		return "{ secret = " + syntax.Quote(v.Secret) + " }"
	}
	return syntax.Quote(v.Text)
}

// SecretUse is one place of a system that a secret stands in.
type SecretUse struct {
	Secret  string
	Path    string // of the key, e.g. service.web.env.TOKEN
	Service string // that has it in its environment, or
	File    string // that consists of it, or
	Session string // the port whose session it opens, or
	Net     string // the WireGuard link whose key it is
	Made    bool   // where nobody has set it, the device makes it
	Wifi    bool   // it is a passphrase, see PassphraseFault
}

// Secrets lists every use of a secret, by path.
func (s *System) Secrets() []SecretUse {
	var uses []SecretUse
	for _, path := range sortedKeys(s.Files) {
		if name := s.Files[path].Text.Secret; name != "" {
			uses = append(uses, SecretUse{Secret: name, Path: syntax.Join("file", path) + ".text", File: path})
		}
	}
	for _, name := range sortedKeys(s.Net) {
		if p := s.Net[name].PPPoE; p != nil && p.Password.Secret != "" {
			uses = append(uses, SecretUse{Secret: p.Password.Secret, Path: syntax.Join("net", name) + ".pppoe.password", Session: name})
		}
		if w := s.Net[name].Wifi; w != nil {
			uses = w.secretsOf(name, uses)
		}
		if w := s.Net[name].WireGuard; w != nil {
			uses = w.secretsOf(name, uses)
		}
	}
	for _, service := range sortedKeys(s.Services) {
		env := s.Services[service].Env
		for _, variable := range sortedKeys(env) {
			if name := env[variable].Secret; name != "" {
				uses = append(uses, SecretUse{Secret: name, Path: syntax.Join(syntax.Join("service", service)+".env", variable), Service: service})
			}
		}
	}
	return uses
}
