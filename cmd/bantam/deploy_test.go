package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/deploy/deploytest"
	"bantam/oci"
	"bantam/switcher"
)

// lacking is the machine's answer to what it lacks of a generation.
func lacking(t *testing.T, blobs ...switcher.Descriptor) string {
	t.Helper()
	var list []map[string]any
	for _, b := range blobs {
		list = append(list, map[string]any{"digest": b.Digest, "size": b.Size})
	}
	text, err := json.Marshal(map[string]any{"blobs": 5, "lacking": list})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDeploySendsWhatIsLackingAndSwitches(t *testing.T) {
	t.Chdir(t.TempDir())
	digest := smallLayout(t, "store", "pc")
	store, err := switcher.OpenStore("store")
	if err != nil {
		t.Fatal(err)
	}
	g, err := store.Generation(digest)
	if err != nil {
		t.Fatal(err)
	}
	played := deploytest.Play(t, "")
	played.Put("check", lacking(t, g.System, g.Initrd[1]))
	r := bantam("", "deploy", "--yes", "--from", "oci:store", "root@gate")
	r.expect(t, exitOK, `gate: board pc, Bantam v1, Linux 6.1, generation 1, good
generation 2 is there: 2 of 5 blobs sent, `, "")
	for _, want := range []string{"A switch would:\n  set hostname gate", "\n1/1 set hostname gate\nproven; waiting\nlogged in again: confirming\n", "gate runs generation 2: proven, and reached anew, after "} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in %q", want, r.out)
		}
	}
	log := played.Log()
	want := []string{"login root@gate", "bantam status --json", "id -un", "bantam show", "bantam import --check --json -", "bantam import --json -", "bantam plan --json 2", "bantam switch --json --confirm 1m0s 2", "login root@gate", "bantam status --json", "bantam confirm"}
	if len(log) < len(want) || !slices.Equal(log[:len(want)], want) {
		t.Errorf("%q", log)
	}

	// What came is an archive with these blobs alone, and before that one with none.
	for name, blobs := range map[string][]switcher.Descriptor{"archive": {g.System, g.Initrd[1]}, "asked": nil} {
		if err := os.Rename(played.Path(name), name+".tar"); err != nil {
			t.Fatal(err)
		}
		src, err := oci.Open(t.Context(), name+".tar", oci.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if raw, err := src.Manifest(t.Context()); err != nil || switcher.DigestOf(raw) != digest {
			t.Errorf("%s: %v", name, err)
		}
		for _, d := range g.Blobs() {
			there := slices.ContainsFunc(blobs, func(b switcher.Descriptor) bool { return b.Digest == d.Digest })
			if r, err := src.Blob(t.Context(), d, 0); (err == nil) != there {
				t.Errorf("%s: %s: %v", name, d.MediaType, err)
			} else if err == nil {
				r.Close()
			}
		}
	}
}

func TestDeployRefusesAndSaysWhy(t *testing.T) {
	t.Chdir(t.TempDir())
	smallLayout(t, "store", "pc")
	for name, text := range map[string]string{"bad.toml": "hostnam = 'x'\n", "nobody.toml": "hostname = 'x'\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	from := []string{"--from", "oci:store", "root@gate"}
	for _, c := range []struct {
		claim       string
		changes     string
		args        []string
		code        int
		out, errors string
		last        string // command that the machine got; "": none at all
	}{
		{"no host", "", nil, exitUsage, "", "deploy to which HOST?", ""},
		{"a host that is an option", "", []string{"--yes", "--", "-oProxyCommand=x", "a.toml"}, exitUsage, "", `HOST "-oProxyCommand=x": want what ssh takes`, ""},
		{"no file", "", []string{"root@gate"}, exitUsage, "", "want one SYSTEM.toml", ""},
		{"standard input", "", []string{"root@gate", "-"}, exitUsage, "", "SYSTEM.toml must be a file", ""},
		{"a file and --from", "", append(from, "a.toml"), exitUsage, "", "goes without SYSTEM.toml and --key", ""},
		{"no patience", "", append(from, "--confirm", "0s"), exitUsage, "", "--confirm 0s: want a time from 1s to 24h", ""},
		{"no port", "", append(from, "--port", "65536"), exitUsage, "", "--port 65536", ""},
		{"a faulty file", "", []string{"root@gate", "bad.toml"}, exitFault, "", `bad.toml:1:1: `, ""},
		{"a missing file", "", []string{"root@gate", "none.toml"}, exitFault, "", "no such file", ""},
		{"a file with which nobody could come in", "", []string{"root@gate", "nobody.toml"}, exitFault, "gate: board pc", "root could not log in any more", "bantam show"},
		{"another board", "", append(from, "--board", "qemu-arm64"), exitFault, "gate: board pc", "gate is board pc, not qemu-arm64", "bantam show"},
		{"a board of nobody", "machine() { echo '{\"board\":\"toaster\",\"lasting\":true}'; }", []string{"root@gate", "nobody.toml"}, exitUsage, "board toaster", `no board "toaster"`, "bantam show"},
		{"no login", "login() { echo 'root@gate: Permission denied (publickey).' >&2; exit 255; }", from, exitFault, "", "root@gate: Permission denied (publickey).\nbantam deploy: ssh cannot log in on root@gate: that user's", "login root@gate"},
		{"no source", "", []string{"root@gate", "--from", "none.tar"}, exitFault, "gate: board pc", "none.tar", "bantam show"},
		{"what the machine does not take", "check() { echo 'bantam import: the state volume /state is too full: it has 3 kB free' >&2; exit 1; }", from, exitFault, "gate: board pc", "bantam deploy: gate: it says: the state volume /state is too full: it has 3 kB free\n", "bantam import --check --json -"},
		{"an older Bantam", "check() { echo 'bantam import: unknown option --check' >&2; exit 2; }", from, exitFault, "gate: board pc", "it says: unknown option --check", "bantam import --check --json -"},
		{"a line that breaks", "import() { exit 255; }", from, exitFault, "gate: board pc", "gate: the connection broke; nothing was changed there, and what has arrived is kept: the same command goes on", "bantam import --json -"},
		{"an older one, wanted", "check() { echo 'bantam import: older' >&2; exit 1; }", append(from, "--downgrade"), exitFault, "gate: board pc", "it says: older", "bantam import --check --downgrade --json -"},
		{"a switch that would be refused", "plan() { echo '{\"steps\":[],\"problems\":[\"service web cannot start\"]}'; exit 1; }", append(from, "--yes"), exitFault, "A switch would:\nnothing to do", "it would be refused: service web cannot start\nbantam deploy: gate would refuse generation 2; nothing was changed", "bantam plan --json 2"},
		{"no plan", "plan() { echo 'bantam plan: there is no generation 2' >&2; exit 1; }", append(from, "--yes"), exitFault, "generation 2 is there", "it says: there is no generation 2", "bantam plan --json 2"},
		{"nobody to ask", "", from, exitFault, "A switch would:", "there is no terminal to ask on (Switch gate to generation 2?); --yes switches without a question", "bantam plan --json 2"},
		{"nobody to ask about a reboot", "import() { cat >/dev/null; echo '{\"number\":2,\"kernel\":\"it needs kernel 6.12\"}'; }\nplan() { echo '{\"steps\":[],\"problems\":[\"it needs kernel 6.12\"]}'; exit 1; }", from, exitFault, "so it takes a reboot.\nA switch would:", "Reboot gate into generation 2?", "bantam plan --json 2"},
		{"a dry run", "", append(from, "--dry-run"), exitOK, "A switch would:\n  set hostname gate", "", "bantam plan --json 2"},
		{"what runs already", "import() { cat >/dev/null; echo '{\"number\":1,\"known\":true}'; }\nplan() { echo '{\"steps\":[]}'; }", append(from, "--yes"), exitOK, "gate runs it already: nothing to do\n", "", "bantam plan --json 1"},
		{"one that goes back", "switch() { result 10 'service web: exit status 1'; exit 10; }", append(from, "--yes"), switcher.ExitReverted, "generation 2 is there", "bantam deploy: gate went back to generation 1 after 0s: service web: exit status 1\n", "bantam switch --json --confirm 1m0s 2"},
		{"one that is refused late", "switch() { result 1 'another switch is under way'; exit 1; }", append(from, "--yes"), exitFault, "generation 2 is there", "gate refused generation 2, nothing was changed: another switch is under way", "bantam switch --json --confirm 1m0s 2"},
		{"one that fails", "switch() { result 4 'and on the way back'; exit 4; }", append(from, "--yes"), switcher.ExitFailed, "generation 2 is there", "gate: generation 2: and on the way back", "bantam switch --json --confirm 1m0s 2"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			played := deploytest.Play(t, c.changes)
			bantam("", append([]string{"deploy", "--cache", t.TempDir()}, c.args...)...).expect(t, c.code, c.out, c.errors)
			if _, err := os.Stat(played.Path("log")); c.last == "" {
				if err == nil {
					t.Errorf("it was called: %q", played.Log())
				}
				return
			}
			log := slices.DeleteFunc(played.Log(), func(line string) bool { return line == "logout" })
			if len(log) == 0 || log[len(log)-1] != c.last {
				t.Errorf("%q, want %q at last", log, c.last)
			}
		})
	}
	if left, _ := filepath.Glob("out"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestDeployCallsSshAsItIsTold(t *testing.T) {
	t.Chdir(t.TempDir())
	smallLayout(t, "store", "pc")
	played := deploytest.Play(t, "login() { echo \"$arguments\" > arguments; exit 255; }\narguments=$*")
	bantam("", "deploy", "--from", "oci:store", "--port", "2222", "--identity", "key", "-o", "HostKeyAlias=gate", "-o", "ProxyJump=hop", "gate").expect(t, exitFault, "", "ssh cannot log in on gate\n")
	text, err := os.ReadFile(played.Path("arguments"))
	if err != nil || !strings.HasPrefix(string(text), "-p 2222 -i key -o HostKeyAlias=gate -o ProxyJump=hop -S ") {
		t.Errorf("%q, %v", text, err)
	}
}
