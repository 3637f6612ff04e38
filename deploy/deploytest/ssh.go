// Package deploytest plays ssh, and a machine behind it, for tests: a shell script that is found in its place.
package deploytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Played is what a test plays.
type Played struct {
	t   testing.TB
	dir string
}

// script answers as ssh and a machine on which generation 1 runs, and to which 2 comes, would. Each function is a command there; what it remembers is a
// file in the folder that it runs in.
const script = `#!/bin/sh
cd "$(dirname "$0")/.." || exit 250
for command; do :; done
host= dashes=
for word; do
	if [ "$dashes" ] && [ ! "$host" ]; then host=$word; fi
	if [ "$word" = -- ]; then dashes=yes; fi
done
event() { echo "{\"time\":1,\"kind\":\"step\",\"text\":\"$1\"$2}"; }
result() { echo "{\"verb\":\"switch\",\"from\":1,\"to\":2,\"running\":2,\"exit\":$1,\"reason\":\"$2\",\"started\":1,\"ended\":2}"; }
until_there() { while [ ! -e "$1" ]; do sleep 0.02; done; }
machine() { echo "{\"hostname\":\"gate\",\"version\":\"v1\",\"board\":\"pc\",\"kernel\":\"6.1\",\"began\":5,\"default\":1,\"lasting\":true,\"storage\":\"/dev/vda8\"$1}"; }
login() { :; }
status() {
	if [ -e confirmed ]; then machine ',"generation":2,"state":"good","default":2'
	elif [ -e switched ]; then machine ',"generation":2,"state":"untried","busy":"switch","confirms":true'
	else machine ',"generation":1,"state":"good"'; fi
}
user() { echo root; }
show() { cat running; }
check() { cat > asked; cat check; }
import() { cat > archive; cat imported; }
plan() { echo '{"steps":[{"action":"set","kind":"hostname","name":"gate","text":"set hostname gate","reason":"hostname","disruptive":false}]}'; }
switch() {
	touch switched
	event 'set hostname gate' ',"step":1,"total":1'
	event 'proven; waiting' ',"confirm":60000000000'
	until_there confirmed
	result 0
}
confirm() { touch confirmed; }
abort() { touch aborted; }
generations() { echo '[{"number":2,"state":"bad","reason":"nobody confirmed it within 1m0s"}]'; }
. ./changes
case " $* " in
*" -O exit "*) echo "logout" >> log; exit 0 ;;
*" -M "*) echo "login $host" >> log; login; exit ;;
esac
echo "$command" >> log
case $command in
"bantam status --json") status ;;
"id -un") user ;;
"bantam show") show ;;
"bantam import --check "*) check ;;
"bantam import "*) import ;;
"bantam plan "*) plan ;;
"bantam switch --abort") abort ;;
"bantam switch "*) switch ;;
"bantam confirm") confirm ;;
"bantam generations --json") generations ;;
*) echo "sh: $command: not found" >&2; exit 127 ;;
esac
`

// Play puts the script in the place of ssh until the test ends. changes are shell functions of it that are others here.
func Play(t *testing.T, changes string) *Played {
	t.Helper()
	p := &Played{t, t.TempDir()}
	if err := os.Mkdir(filepath.Join(p.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "bin", "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	p.Put("changes", changes+"\n")
	p.Put("running", "")
	p.Put("check", `{"blobs":5,"lacking":[],"need":0,"free":0,"signed":false,"note":""}`)
	p.Put("imported", `{"number":2,"known":false,"blobs":5,"loaded":1,"bytes":1}`)
	t.Setenv("PATH", filepath.Join(p.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	return p
}

// Put makes a file in the folder of the script, e.g. running, the machine's system.toml.
func (p *Played) Put(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.Path(name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Path is where such a file is.
func (p *Played) Path(name string) string { return filepath.Join(p.dir, name) }

// Log is what was called, one behind the other: logins, commands, logouts.
func (p *Played) Log() []string {
	p.t.Helper()
	text, err := os.ReadFile(p.Path("log"))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
