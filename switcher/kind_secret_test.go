package switcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/system"
)

const secretText = `[service.web]
command = ["httpd", "/etc/web.key"]
[service.db]
command = ["db"]
env = { PASSWORD = { secret = "db-password" } }
[service.plain]
command = ["plain"]
[file."/etc/web.key"]
text = { secret = "key.pem" }
`

func secretMachineWith(t *testing.T, secrets map[string]string) (*Switcher, *fakeMachine, string) {
	t.Helper()
	s, m, dir := bootedMachine(t)
	m.secrets = secrets
	return s, m, dir
}

func TestASecretThatHasChangedReachesWhoUsesItAtTheNextSwitch(t *testing.T) {
	s, m, dir := secretMachineWith(t, map[string]string{"db-password": "hush", "key.pem": "KEY"})
	wantExit(t, switchTo(t, s, VerbSwitch, secretText), ExitGood)
	for _, c := range []struct {
		secret, value string
		want          string
	}{
		{"db-password", "hush", "nothing to do on the running machine\n"},
		{"db-password", "other", "! stop service db   secret db-password has changed\n  start service db  secret db-password has changed\n"},
		{"key.pem", "KEY2", `! stop service web         secret key.pem has changed
  write file /etc/web.key  secret key.pem has changed
  start service web        secret key.pem has changed
`},
	} {
		m.secrets[c.secret] = c.value
		p, err := s.Plan(Request{Verb: VerbSwitch})
		if err != nil || len(p.Problems) > 0 || p.Plan.String() != c.want {
			t.Errorf("%s = %s: %v %q\ngot\n%swant\n%s", c.secret, c.value, err, p.Problems, p.Plan, c.want)
		}
		wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch}, nil), ExitGood)
		if changes, err := s.HandChanges(); len(changes) > 0 || err != nil {
			t.Errorf("changed by hand: %q, %v", changes, err)
		}
		if p, err := s.Plan(Request{Verb: VerbSwitch}); err != nil || len(p.Plan.Steps) > 0 {
			t.Errorf("after the switch: %v\n%s", err, p.Plan)
		}
	}
	state := m.files["/etc/web.key"]
	if want, _ := FileState(0o600, 0, 0, strings.NewReader("KEY2")); state != want {
		t.Errorf("the file is %q, want %q", state, want)
	}
	// There and back again with a value that is newer than both generations.
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.secrets["key.pem"] = "KEY3"
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if want, _ := FileState(0o600, 0, 0, strings.NewReader("KEY3")); m.files["/etc/web.key"] != want {
		t.Errorf("after the rollback the file is %q, want %q", m.files["/etc/web.key"], want)
	}
	bootAgain(t, dir, m)
	if p, err := s.Plan(Request{Verb: VerbSwitch}); err != nil || len(p.Plan.Steps) > 0 {
		t.Errorf("after a boot: %v\n%s", err, p.Plan)
	}
}

func TestAMissingSecretIsNamedBeforeAnythingStops(t *testing.T) {
	s, m, _ := secretMachineWith(t, map[string]string{"key.pem": "KEY", "zero": "a\x00b"})
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	calls := len(m.calls)
	const missing = "secret db-password, which service.db.env.PASSWORD needs, is not set: `bantam secret set db-password`"
	for text, want := range map[string]string{
		secretText: missing,
		strings.Replace(secretText, "db-password", "zero", 1):  "secret zero has a zero byte, which no variable can hold: service.db.env.PASSWORD",
		strings.Replace(secretText, "key.pem", "nothing", 1):   "secret nothing, which file.\"/etc/web.key\".text needs, is not set: `bantam secret set nothing`",
		strings.ReplaceAll(secretText, "\"db\"]", "\"db\", 1"): "",
	} {
		if want == "" {
			continue
		}
		for _, verb := range []string{VerbSwitch, VerbTest, VerbBoot} {
			r := switchTo(t, s, verb, text)
			wantExit(t, r, ExitRefused)
			if !strings.Contains(r.Reason, want) || len(m.calls) > calls {
				t.Errorf("%s: %s\nwant %s; calls %q", verb, r.Reason, want, m.calls[calls:])
			}
		}
		p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(text)})
		if err != nil || !slices.Contains(p.Problems, want) {
			t.Errorf("%v, problems %q, want %q", err, p.Problems, want)
		}
	}
	mayFail := strings.Replace(secretText, `command = ["db"]`, "command = [\"db\"]\nmay_fail = true", 1)
	p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(mayFail)})
	if err != nil || len(p.Problems) > 0 || !slices.Contains(p.Plan.Notes, missing) {
		t.Errorf("may_fail: %v, %q\n%s", err, p.Problems, p.Plan)
	}
}

// A machine whose image uses secrets that nobody could set yet comes up with all else.
func TestABootWithoutASecretStartsAllElse(t *testing.T) {
	s, m, dir := secretMachineWith(t, map[string]string{"key.pem": "KEY", "db-password": "hush"})
	wantExit(t, switchTo(t, s, VerbSwitch, secretText), ExitGood)
	m.secrets = map[string]string{}
	s = bootAgain(t, dir, m)
	if r, _ := s.Last(); r.Exit != ExitDegraded || !strings.Contains(r.Reason, "write file /etc/web.key: secret key.pem is not set: `bantam secret set key.pem`") {
		t.Errorf("%+v", r)
	}
	if m.files["/etc/web.key"] != "" {
		t.Errorf("a file was made: %q", m.files)
	}
	if got := m.runs(); !strings.Contains(got, "plain") {
		t.Errorf("runs %s", got)
	}
	m.secrets = map[string]string{"key.pem": "KEY", "db-password": "hush"}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch}, nil), ExitGood)
	if m.files["/etc/web.key"] == "" {
		t.Error("the file is not made once the secret is set")
	}
}

func TestNothingOfASecretsValueIsToldOrKept(t *testing.T) {
	const value = "correct-horse-battery"
	s, m, dir := secretMachineWith(t, map[string]string{"key.pem": value, "db-password": value + "-2"})
	digest := DigestOf([]byte(value)).Hex()
	var said strings.Builder
	tell := func(e Event) { fmt.Fprintf(&said, "%+v\n", e) }
	text := []byte(secretText)
	for range 2 {
		p, err := s.Plan(Request{Verb: VerbSwitch, Text: text})
		plan, fault := json.Marshal(p)
		fmt.Fprintf(&said, "%v %s %v\n", err, plan, fault)
		wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: text}, tell), ExitGood)
		m.secrets["key.pem"] = value + "-3"
	}
	m.fail = func(call string) error {
		if strings.HasPrefix(call, "write") {
			return errors.New("no space left on device")
		}
		return nil
	}
	m.secrets["key.pem"] = value + "-4"
	s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: text}, tell)
	for _, prints := range m.prints {
		said.WriteString(prints + "\n")
	}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			data, err := os.ReadFile(path)
			fmt.Fprintf(&said, "%s: %s %v\n", path, data, err)
		}
		return err
	})
	if err != nil || said.Len() < 1000 {
		t.Fatalf("%v, %d bytes", err, said.Len())
	}
	for _, leak := range []string{value, digest} {
		if strings.Contains(said.String(), leak) {
			t.Errorf("%s is in\n%s", leak, said.String())
		}
	}
	sys, _ := system.Parse("f", text)
	d := Desired{System: sys, Items: map[Kind]Items{}}
	files, err := fileKind{}.desired(bind(m), &d)
	if err != nil || strings.Contains(fmt.Sprint(files), DigestOf([]byte(value+"-4")).Hex()) {
		t.Errorf("a digest that everybody can make: %v, %v", files, err)
	}
}

func TestAnotherPasswordOpensTheSessionAnew(t *testing.T) {
	const session = "[net.wan]\npppoe = { port = \"eth0\", user = \"a@b\", password = { secret = \"isp\" } }\n[proof]\nnetwork = \"off\"\n"
	m := newFakeMachine()
	m.secrets = map[string]string{"isp": "hush"}
	m.carry(session, m.layer("package/ppp", "1", "package/ppp", fakeLayer{"index": ""}))
	s := bootAgain(t, t.TempDir(), m)
	m.secrets["isp"] = "other"
	p, err := s.Plan(Request{Verb: VerbSwitch})
	if err != nil || len(p.Problems) > 0 {
		t.Fatal(err, p.Problems)
	}
	const want = "! reload network  secret isp has changed\n"
	if got := p.Plan.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "secret isp has changed: the sessions with providers that it is for end, and are opened anew") || strings.Contains(got, "other") {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch}, nil), ExitGood)
	if p, err := s.Plan(Request{Verb: VerbSwitch}); err != nil || len(p.Plan.Steps) > 0 {
		t.Errorf("after the switch: %v\n%s", err, p.Plan)
	}
	delete(m.secrets, "isp")
	if p, err = s.Plan(Request{Verb: VerbSwitch}); err != nil || !strings.Contains(strings.Join(p.Problems, "\n"), "secret isp, which net.wan.pppoe.password needs, is not set") {
		t.Errorf("%v, %q", err, p.Problems)
	}
}

func TestAnotherPassphraseBeginsTheRadioAnew(t *testing.T) {
	const radio = "[net.wlan0]\nwifi = { ssid = \"home\", passphrase = { secret = \"home\" } }\noptional = true\n[proof]\nnetwork = \"off\"\n"
	m := newFakeMachine()
	m.secrets = map[string]string{"home": "hush-hush"}
	m.carry(radio, m.layer("package/wpasupplicant", "1", "package/wpasupplicant", fakeLayer{"index": ""}), m.layer("package/wireless-regdb", "1", "package/wireless-regdb", fakeLayer{"index": ""}))
	s := bootAgain(t, t.TempDir(), m)
	m.secrets["home"] = "another-word"
	p, err := s.Plan(Request{Verb: VerbSwitch})
	if err != nil || len(p.Problems) > 0 {
		t.Fatal(err, p.Problems)
	}
	const want = "! reload network  secret home has changed\n"
	if got := p.Plan.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "secret home has changed: the radios of its networks begin anew") || strings.Contains(got, "another-word") {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	m.secrets["home"] = "short"
	const fault = "secret home, which net.wlan0.wifi.passphrase needs, is no passphrase: it has 5 bytes, and a passphrase has 8 to 63: `bantam secret set home`"
	if p, err = s.Plan(Request{Verb: VerbSwitch}); err != nil || !strings.Contains(strings.Join(p.Problems, "\n"), fault) {
		t.Fatal(err, p.Problems)
	}
	m.secrets["home"] = "ended-by-a-line\n" // which does not count
	if p, err = s.Plan(Request{Verb: VerbSwitch}); err != nil || len(p.Problems) > 0 {
		t.Fatal(err, p.Problems)
	}
}
