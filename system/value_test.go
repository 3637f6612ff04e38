package system

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const secretsText = `[service.web]
command = ["httpd"]
user = "nobody"
env = { LANG = "C", TOKEN = { secret = "web-token" }, secret = "no secret", EMPTY = "" }
[file."/etc/key"]
text = { secret = "key.pem" }
[file."/etc/open"]
text = { secret = "key.pem" }
mode = "0644"
[file."/etc/group"]
text = "x"
`

func TestAValueIsATextOrNamesASecret(t *testing.T) {
	s := parse(t, strings.Replace(secretsText, "/etc/group", "/etc/other", 1))
	env := s.Services["web"].Env
	for name, want := range map[string]Value{"LANG": {Text: "C"}, "TOKEN": {Secret: "web-token"}, "secret": {Text: "no secret"}, "EMPTY": {}} {
		if env[name] != want {
			t.Errorf("%s is %+v, want %+v", name, env[name], want)
		}
	}
	for path, want := range map[string]string{"/etc/key": "0600", "/etc/open": "0644", "/etc/other": "0644"} {
		if f := s.Files[path]; f.Mode != want || f.Owner != "root" {
			t.Errorf("%s: %+v, want mode %s", path, f, want)
		}
	}
	want := []SecretUse{
		{Secret: "key.pem", Path: `file."/etc/key".text`, File: "/etc/key"}, {Secret: "key.pem", Path: `file."/etc/open".text`, File: "/etc/open"},
		{Secret: "web-token", Path: "service.web.env.TOKEN", Service: "web"},
	}
	if got := s.Secrets(); !slices.Equal(got, want) {
		t.Errorf("uses %+v, want %+v", got, want)
	}
}

func TestAChangeOfASecretIsTold(t *testing.T) {
	const env, file = "[service.a]\ncommand = [\"x\"]\n[service.a.env]\n", "[file.\"/etc/a\"]\n"
	for _, c := range []struct{ from, to, want string }{
		{env, env + `K = { secret = "a" }`, `service.a.env.K: (not set) -> { secret = "a" }`},
		{env + `K = "a"`, env + `K = { secret = "a" }`, `service.a.env.K: "a" -> { secret = "a" }`},
		{env + `K = { secret = "a" }`, env + `K = { secret = "b" }`, `service.a.env.K: { secret = "a" } -> { secret = "b" }`},
		{env + `K = { secret = "a" }`, env + "[service.a.env.K]\nsecret = \"a\"", ""},
		{env + `K = ""`, env, `service.a.env.K: "" -> (not set)`},
		{"", file + `text = { secret = "a" }`, `file."/etc/a".text: (not set) -> { secret = "a" }`},
		{"", file + "text = { secret = \"a\" }\nmode = \"0600\"", `file."/etc/a".text: (not set) -> { secret = "a" }`},
		{file + `text = "b"`, file + `text = { secret = "a" }`, `file."/etc/a".text: "b" -> { secret = "a" }; file."/etc/a".mode: "0644" -> "0600"`},
		{file + "text = '''" + strings.Repeat("b\n", 50) + "'''", file + `text = { secret = "a" }`,
			`file."/etc/a".text: 50 lines, 100 bytes, SHA-256 9fd7924dc17f6a22 -> { secret = "a" }; file."/etc/a".mode: "0644" -> "0600"`},
	} {
		var got []string
		for _, change := range Diff(parse(t, c.from), parse(t, c.to)) {
			got = append(got, change.String())
		}
		if got := strings.Join(got, "; "); got != c.want {
			t.Errorf("%q to %q:\ngot  %q\nwant %q", c.from, c.to, got, c.want)
		}
	}
}

func TestASecretThatEverybodyReadsIsRemarkedOn(t *testing.T) {
	var got []string
	for _, p := range Remarks("f", []byte(strings.Replace(secretsText, "/etc/group", "/etc/other", 1))) {
		got = append(got, p.String())
	}
	want := `f:9:8: remark: file."/etc/open" has a secret in it, and with mode 0644 everybody reads it; write mode = "0600" and the owner who needs it, or "0640" for its group`
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAServiceThatIsNotToldOfItsFileIsRemarkedOn(t *testing.T) {
	const text = `[user.web]
uid = 80
[service.web]
command = ["web", "-c", "/etc/web.conf"]
user = "web"
[file."%s"]
owner = "%s"
%s
`
	for _, c := range []struct {
		path, owner, rest string
		want              bool
	}{
		{"/etc/web.key", "web", `text = "x"`, true},
		{"/etc/web.key", "web", `text = { secret = "key" }`, true},
		{"/etc/web.conf", "web", `text = "x"`, false},
		{"/etc/web.key", "root", `text = "x"`, false},
		{"/etc/web.key", "nobody", `text = "x"`, false},
		{"/etc/web.key", "web", "text = \"x\"\nrestarts = [\"web\"]", false},
		{"/etc/web.key", "web", "text = \"x\"\nreloads = [\"web\"]", false},
		{"/srv/www", "web", `source = "www"`, false},
	} {
		remarks := Remarks("f", fmt.Appendf(nil, text, c.path, c.owner, c.rest))
		if (len(remarks) > 0) != c.want {
			t.Errorf("%+v: %v", c, remarks)
		}
		const said = `f:7:9: remark: file."/etc/web.key" belongs to the user of service.web, which goes on with the old one when it changes; write restarts = ["web"], or reloads, if it reads the file only at its start`
		if c.want && remarks[0].String() != said {
			t.Errorf("it says %s", remarks[0])
		}
	}
}

func TestNamesOfSecrets(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "0": true, "mqtt-password": true, "key.pem": true, "a_b": true, strings.Repeat("a", 64): true,
		"": false, "A": false, ".key": false, "-a": false, "_a": false, "a/b": false, "..": false, "a b": false, "é": false, "a\n": false, strings.Repeat("a", 65): false,
	} {
		if got := MayBeSecret(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestFoldersThatLastBelongToOneUser(t *testing.T) {
	const text = "[user.web]\nuid = 80\n[service.a]\ncommand = [\"x\"]\nuser = %q\nstate = [\"/var/lib/a\", \"/srv/a-b\"]\n[service.b]\ncommand = [\"x\"]\nuser = %q\nstate = [\"/var/lib/a\", \"/srv/a\"]\n"
	s := parse(t, fmt.Sprintf(text, "web", "web"))
	if got := s.StateUsers(); len(got) != 3 || got["/var/lib/a"] != "web" || got["/srv/a"] != "web" {
		t.Errorf("%v", got)
	}
	_, problems := Parse("f", []byte(fmt.Sprintf(text, "web", "nobody")))
	if len(problems) != 1 || problems[0].String() != `f:10:10: service.b.state: "/var/lib/a": service a has it too, as user web; one folder has one user` {
		t.Errorf("%v", problems)
	}
}
