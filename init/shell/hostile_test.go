package shell

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// pieces are what hostileScript is made of: builtins, operators and odd operands.
var pieces = strings.Split(`: . alias bg break cd command continue declare echo eval exec exit export false fg getopts hash jobs kill local printf pwd read readonly return set shift source test times trap true type ulimit umask unalias unset wait [ ] -1 0 1 -9 99999999999999999999 9223372036854775807 -9223372036854775808 08 0x a=b a=$a a[1]=2 a=(1) -- - + -e +e -x -o -p -v -n -u -t -d '' "" "$@" $@ $* "$*" $# $? $- $$ $! ${10} ${a} ${a:-b} ${a:=b} ${a#*} ${a%%*} ${#a} ${a:1:2} ${a:-9:-9} ${a/x/y} ${a//} ${!a} ${@:1} ${*%x} ${a^^} $((a)) $((1/0)) $((a=08)) $((1<<99)) $((-9223372036854775808/-1)) $((9223372036854775807%-1)) $(echo x) $() $(<f) {1..3} {a,b} {9..1..-2} ~ ~x * ? [a *[ <f >f >>f 2>&1 >&9 <&9 3<f 3>&- <&- >&- <<<x <<E && || ; ;; & | |& ! ( ) { } (( )) [[ ]] if then else fi while until do done for in case esac f() function select time let == =~ -lt -f EXIT INT %1 %% %x \ ' " \n # \x01 \xff ä`, " ")

func hostileScript(r *rand.Rand) string {
	var out strings.Builder
	for range 2 + r.IntN(12) {
		piece := pieces[r.IntN(len(pieces))]
		if piece == `\n` {
			piece = "\n"
		}
		out.WriteString(piece + []string{" ", " ", " ", "", ";", "\n"}[r.IntN(6)])
	}
	return out.String()
}

// TestNoScriptBreaksTheShell runs scripts that nobody writes: whatever they say, the shell
// must end by itself and without a fault of its own.
func TestNoScriptBreaksTheShell(t *testing.T) {
	bin := binFolder(t)
	scripts := []string{"shift -1", "f() { f; }; f", "eval 'eval \"$x\"'", "x='eval \"$x\"'; eval \"$x\"", ". ./self", "trap 'trap \"echo x\" EXIT; exit' EXIT", "a() { b; }; b() { a; }; a || b",
		strings.Repeat("(", 100_000), strings.Repeat("$(", 100_000), strings.Repeat("${a:-", 100_000), "echo $((" + strings.Repeat("(", 100_000), strings.Repeat("if ", 100_000), strings.Repeat("! ", 100_000),
		strings.Repeat("`", 10_001), "echo {1..999999999}", "echo {a..b..9223372036854775807}", "set -- " + strings.Repeat("x ", 100_000) + "; shift 99999; echo $#", "printf '%999999999d' 1 | head -c 1", "x() { $(x); }; x"}
	r := rand.New(rand.NewPCG(1, 2))
	var together []string
	for range 400 {
		together = append(together, "(eval "+singleQuoted(hostileScript(r))+")")
	}
	for i := 0; i < len(together); i += 100 {
		scripts = append(scripts, strings.Join(together[i:i+100], "\n"))
	}
	for i, script := range scripts {
		t.Run(fmt.Sprintf("%d %.20q", i, script), func(t *testing.T) {
			t.Parallel()
			cmd := &exec.Cmd{Path: bin + "/timeout", Args: []string{"timeout", "-k", "1", "60", bin + "/sh"}, Env: []string{"PATH=/nonexistent", "HOME=/"}, Dir: t.TempDir(), Stdin: strings.NewReader(script)}
			var out bytes.Buffer
			cmd.Stderr = &out
			cmd.Run()
			code := cmd.ProcessState.ExitCode()
			if text := out.String(); strings.Contains(text, "internal error") || strings.Contains(text, "goroutine ") || code == 124 || code == 137 {
				t.Errorf("%.300q: status %d, %.2000s", script, code, text)
			}
		})
	}
}
