package shell

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// endOfOptions has a script for every builtin: where -- is, the options end, and without
// it the script does the same. = marks those for which -- is an argument, and what they print.
var endOfOptions = map[string]string{
	".":        ". -- ./script",
	":":        ": --",
	"[":        "=[ -- = -- ] && echo same\nsame",
	"alias":    "alias -- a=b; alias a",
	"bg":       "bg --",
	"break":    "while :; do break -- 1; done",
	"cd":       "cd -- d && pwd",
	"command":  "command -v -- cd",
	"continue": "for i in 1 2; do continue -- 1; echo no; done",
	"declare":  "declare -- A=1; echo $A",
	"echo":     "=echo -- a\n-- a",
	"eval":     "eval -- echo x",
	"exec":     "exec -- echo x",
	"exit":     "exit -- 3",
	"export":   "export -- A=1; printenv A",
	"false":    "false --",
	"fg":       "fg --",
	"getopts":  "set -x; getopts -- a o -a; echo $o",
	"hash":     "hash -- cat",
	"help":     "help --",
	"history":  "history --",
	"jobs":     "jobs --",
	"kill":     "kill -0 -- $$",
	"local":    "f() { local -- A=1; echo $A; }; f",
	"logout":   "logout -- 3",
	"printf":   "printf -- 'x\\n'",
	"pwd":      "pwd -L --",
	"read":     "echo x | { read -r -- a; echo $a; }",
	"readonly": "readonly -- A=1; echo $A",
	"return":   "f() { return -- 3; }; f",
	"set":      "set -u -- a b; echo $2",
	"shift":    "set a b; shift -- 1; echo $1",
	"source":   "source -- ./script",
	"test":     "=test -- = -- && echo same\nsame",
	"times":    "times -- > file",
	"trap":     "trap -- 'echo x' EXIT",
	"true":     "true --",
	"type":     "type -- cd",
	"typeset":  "typeset -- A=1; echo $A",
	"ulimit":   "ulimit -n --",
	"umask":    "umask -- 077; umask",
	"unalias":  "alias a=b; unalias -- a",
	"unset":    "A=1; unset -v -- A; echo ${A-unset}",
	"wait":     "wait --",
}

func TestTwoDashesEndTheOptionsOfEveryBuiltin(t *testing.T) {
	bin := binFolder(t)
	for name := range builtins {
		script, ok := endOfOptions[name]
		if !ok {
			t.Errorf("%s has no line in endOfOptions: say what -- does there", name)
			continue
		}
		run := func(script string) (string, int) {
			dir := t.TempDir()
			cmd := &exec.Cmd{Path: bin + "/sh", Args: []string{"sh", "-c", "mkdir d; echo echo from script > script\n" + script}, Env: []string{"PATH=" + bin, "HOME=/"}, Dir: dir}
			var out bytes.Buffer
			cmd.Stdout = &out
			cmd.Run()
			return strings.ReplaceAll(out.String(), dir, ""), cmd.ProcessState.ExitCode()
		}
		script, literal := strings.CutPrefix(script, "=")
		script, want, _ := strings.Cut(script, "\n")
		got, code := run(script)
		wantCode := 0
		if literal {
			want += "\n"
		} else {
			want, wantCode = run(strings.Replace(script, " --", "", 1))
		}
		if got != want || code != wantCode {
			t.Errorf("%s: got %q and status %d, want %q and %d", script, got, code, want, wantCode)
		}
	}
}
