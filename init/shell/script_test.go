package shell

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestScriptsLikeDash compares output and exit status with Debian's /bin/sh.
func TestScriptsLikeDash(t *testing.T) {
	dash, err := exec.LookPath("dash")
	if err != nil {
		t.Fatal("dash is missing: apt-get install dash")
	}
	bin := binFolder(t)
	for _, script := range strings.Split(scripts, "\n----\n") {
		script = strings.TrimSpace(script)
		name, _, _ := strings.Cut(script, "\n")
		t.Run(name, func(t *testing.T) {
			run := func(shell string) (string, int) {
				cmd := exec.Command(shell, "-c", script, "name", "first", "second arg")
				if shell != dash {
					cmd = &exec.Cmd{Path: shell, Args: append([]string{"sh"}, cmd.Args[1:]...)}
				}
				cmd.Dir = t.TempDir()
				cmd.Env = []string{"PATH=" + bin, "HOME=/"}
				var out bytes.Buffer
				cmd.Stdout = &out
				cmd.Run()
				return out.String(), cmd.ProcessState.ExitCode()
			}
			want, wantCode := run(dash)
			got, gotCode := run(bin + "/sh")
			if got != want || gotCode != wantCode {
				t.Errorf("got status %d and\n%s\nwant status %d and\n%s", gotCode, got, wantCode, want)
			}
		})
	}
}

const scripts = `
exit 3
----
false
----
true && false || echo or
----
echo "$0" "$1" "$2" $#
----
for i in "$@"; do echo "[$i]"; done
----
nosuchcommand; echo $?
----
sh -c 'exit 9'; echo $?
----
f() { echo in $1; return 4; }; f x; echo $?
----
x=5; echo $((x * 2 + 1)) ${#x} ${y:-default} ${x:+set}
----
cat <<EOF
a $((1+1)) $1
