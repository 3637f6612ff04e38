package shell

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestScriptsLikeDash compares output and exit status with Debian's /bin/sh.
func TestScriptsLikeDash(t *testing.T) {
	dash, err := exec.LookPath("dash")
	if err != nil {
		t.Fatal("dash is missing: apt-get install dash")
	}
	bin := binFolder(t)
	for _, script := range strings.Split(scripts+"\n----\n"+posixScripts, "\n----\n") {
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

func TestScriptOnStandardInputLeavesTheRestToItsCommands(t *testing.T) {
	cmd := &exec.Cmd{Path: binFolder(t) + "/sh", Args: []string{"sh"}, Stdin: strings.NewReader("read a; echo got $a\nthis line\ncat <<X\nbody\nX\nif true\nthen echo end\nfi\nexit 3\n")}
	out, _ := cmd.Output()
	if got, want := string(out), "got this line\nbody\nend\n"; got != want || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("got %q and status %d, want %q and 3", got, cmd.ProcessState.ExitCode(), want)
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
EOF
----
cat <<'EOF'
a $1
EOF
----
echo hello | tr a-z A-Z | cat
----
i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done
----
case abc in a*) echo yes;; *) echo no;; esac
----
echo one > file; echo two >> file; cat file; cat < file | wc -l
----
touch b a c; echo *; echo [ab]
----
set -e; false; echo not reached
----
set -e; if false; then echo x; fi; echo reached
----
(exit 5); echo $?
----
x=$(echo sub; exit 6); echo $? $x
----
trap 'echo bye' EXIT; echo hi; exit 2
----
echo err >&2; echo out 2>/dev/null
----
sleep 0.1 & wait $!; echo $?
----
sh -c 'exit 3' & wait $!; echo $?
----
(exit 4) & wait $!; echo $?
----
sh -c 'kill -9 $$'; echo $?
----
exec sh -c 'echo replaced; exit 8'
----
x='a  b'; echo $x; echo "$x"
----
IFS=:; set -- a:b; for p in $1; do echo $p; done
----
echo a; exit
----
cd /; pwd
----
eval 'echo evaluated'; echo $?
----
! true; echo $?
----
unset x; echo "${x-unset}"
----
set -- 1 2 3; shift; echo $*
----
echo $(( 7 / 2 )) $(( 7 % 3 )) $(( 1 << 4 ))
----
x=file.tar.gz; echo ${x%.gz} ${x%%.*} ${x#*.} ${x##*.}
----
{ echo a; echo b; } | sort -r
----
yes | head -n 2
----
export V=1; sh -c 'echo $V'
----
V=2 sh -c 'echo $V'; echo "[$V]"
----
if [ -d / ] && [ ! -f /none ]; then echo ok; fi
----
printf '%s\n' a b
----
while read l; do echo "got $l"; done <<EOF
x
y
EOF
----
umask 077; touch f; ls -l f | cut -c 1-10
----
for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; echo $i; done
----
kill -TERM $$; sleep 1; echo survived
----
trap 'echo caught; exit 4' TERM; kill -TERM $$; sleep 1; exit 0
----
echo x > a\ b; cat < a\ b; echo y >> q\'\$s; f=a\ b; echo "$f"; export g=\~x\\; echo $g; case a\ b in 'a b') echo yes;; esac; ls
----
eval 'x=a\ b; sh -c "exit 3" & wait $!; echo $? "$x" $0'
----
printf 'f() { cat <<E > o\\ ut; echo "it'"'"'s"; }\nbody\nE\nsh -c "exit 4" & wait $!; echo $? $0 $1; set -- 1 2 3 4 5 6 7 8 9 ten; echo ${10}; (exit 5) & wait; return 6\n' > lib
. ./lib; echo $?; f; cat 'o ut'
----
trap 'x=a\ b; sh -c "exit 3" & wait $!; echo "$x" $?' EXIT; true
----
(. ./missing); test $? != 0; echo $?
----
(eval 'exec sh -c "echo in; exit 5"'; echo not reached); echo $?
----
while IFS=: read -r a b c; do echo "<$a><$b><$c>"; done <<E
root::0:0
:b
a:b:c:
 sp : x :y z: t
::::
'q"$x:\:\\:e
E
----
echo 'a, b ,, c' | { IFS=', ' read x y z w; echo "$x|$y|$z|$w"; }; echo ' a  b c ' | { read x y; echo "$x|$y"; }; printf 'a:b' | { IFS=: read x y; echo $? "$x|$y"; }
----
while true; do echo y; done | head -n 1
----
while true; do printf 'y\n'; done | head -n 2
----
{ echo a; sleep 0.2; echo b > file; } | head -n 1; cat file
----
cat <<E; echo done
the text
E
----
if true; then cat <<E; fi; cat <<F | tr a-z A-Z; echo end
one
E
two
F
----
f() { false; return; }; f; echo $?
----
echo one > f; echo two >| f; cat f
----
set -- 1 2 3 4 5 6 7 8 9 ten eleven; echo "${10}" ${11} $10
----
trap 'echo bye' EXIT; exec nosuchcommand; echo not reached
----
echo x > /dev/full || echo failed; printf x > /dev/full || echo failed too
----
printf -- '-%s\n' x; printf '%5.2f|%-5s|%05d|%.2s|%e\n' 3.14159 ab 42 abc 1.5; printf '%b' 'a\0101\n'; printf '%d\n' abc; echo $?
----
echo() { printf 'mine %s\n' "$1"; }; echo a
----
mkdir d; printf '#!/bin/sh\necho $0\n' > d/f; printf 'echo $0\n' > g; chmod +x d/f g; d/f; cd d; ./f; ../g
----
echo 'echo a; exit 3' > s; printf '\0\001) not a program' >> s; sh s; echo $?
----
if then
`

func TestABackgroundCommandMayWaitForAFIFO(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"p", "q"} {
		if err := syscall.Mkfifo(dir+"/"+name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := binFolder(t)
	cmd := &exec.Cmd{Path: bin + "/sh", Args: []string{"sh", "-c", "echo foo > p & cat p > q & cat q & wait $!"}, Dir: dir, Env: []string{"PATH=" + bin}}
	if out, err := cmd.Output(); err != nil || string(out) != "foo\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// Whenever it comes: also between the shell's start and that of the command, which then does not get it from the terminal.
func TestCtrlCEndsAScriptAndItsCommand(t *testing.T) {
	for delay := range 25 {
		cmd := &exec.Cmd{Path: binFolder(t) + "/sh", Args: []string{"sh", "-c", "sleep 1000; echo survived"}, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(delay) * 2 * time.Millisecond)
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out)
		cmd.Wait()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); len(rest) > 0 || !status.Signaled() || status.Signal() != syscall.SIGINT {
			t.Errorf("after %d ms: got %q and %v", 2*delay, rest, cmd.ProcessState)
		}
	}
}
