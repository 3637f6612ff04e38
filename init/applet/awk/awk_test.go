package awk

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// try runs a program; err is why it could not.
func try(t testing.TB, input string, c Config) (out string, status int, err error) {
	t.Helper()
	var o, e bytes.Buffer
	c.Name, c.Stdin, c.Stdout, c.Stderr = "awk", strings.NewReader(input), &o, &e
	if c.Command == nil {
		c.Command = func(line string) *exec.Cmd { return exec.Command("sh", "-c", line) }
	}
	status, err = Run(c)
	return o.String() + e.String(), status, err
}

const table = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nann:x:1000:1000:Ann B:/home/ann:/bin/sh\n"
const words = "the quick brown fox\njumps  over\n\n the lazy\tdog 12\n007 agent 7.50\n"

// Programs that give the same with mawk and with Kernighan's awk, and so with ours.
func TestProgramsDoAsWithTheOthers(t *testing.T) {
	var tools []string
	for _, tool := range []string{"mawk", "original-awk"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatalf("%s is missing: apt-get install %[1]s", tool)
		}
		tools = append(tools, path)
	}
	for _, c := range programs {
		input := words
		args := append(c.options, c.program)
		config := Config{Program: c.program}
		for i := 0; i < len(c.options); i += 2 {
			if c.options[i] == "-F" {
				config.FS, input = c.options[i+1], table
			} else {
				config.Vars = append(config.Vars, c.options[i+1])
			}
		}
		got, status, err := try(t, input, config)
		if err != nil {
			t.Errorf("%s: %v", c.program, err)
			continue
		}
		for _, tool := range tools {
			cmd := exec.Command(tool, args...)
			cmd.Env = append(os.Environ(), "LC_ALL=C")
			cmd.Stdin = strings.NewReader(input)
			want, _ := cmd.CombinedOutput()
			if got != string(want) || status != cmd.ProcessState.ExitCode() {
				t.Errorf("%s\ngot %q, %d\n%s has %q, %d", c.program, got, status, filepath.Base(tool), want, cmd.ProcessState.ExitCode())
			}
		}
	}
}

type sample struct {
	options []string
	program string
}

var programs = []sample{
	{program: `{ print $1 }`}, {program: `{ print NF, NR, $NF }`}, {program: `NR == 2`}, {program: `/o/ { n++ } END { print n }`}, {program: `END { print NR, $0 }`},
	{program: `{ $2 = "X"; print; print NF }`}, {program: `{ $7 = "far"; print }`}, {program: `{ NF = 2; print }`}, {program: `BEGIN { OFS = "-" } { $1 = $1; print }`},
	{program: `NR == 1, /lazy/ { print NR": "$0 }`}, {program: `/quick/, /quick/`}, {program: `!/o/`}, {program: `$1 > 5`}, {program: `$1 == 7 { print "seven" }`}, {program: `$2 ~ /^q/ { print $2 }`},
	{program: `length > 10`}, {program: `length($1) == 3 { print $1 }`}, {program: `NF`}, {program: `{ s = s $1 "," } END { print s }`}, {program: `{ c[$1]++ } END { print c["the"], length(c) }`},
	{options: []string{"-F", ":"}, program: `$3 >= 1000 { print $1, $7 }`}, {options: []string{"-F", ":"}, program: `{ print $5; print NF }`}, {options: []string{"-F", "[:/]"}, program: `{ print $NF, NF }`},
	{options: []string{"-F", ":"}, program: `BEGIN { OFS = ":" } $1 == "ann" { $7 = "/bin/ash" } { print }`}, {options: []string{"-v", "n=5", "-v", `t=a\tb`}, program: `BEGIN { print n + 1, (n == 5.0), t }`},
	{options: []string{"-F", ":"}, program: `{ shells[$7]++ } END { for (s in shells) if (shells[s] > 1) print s, shells[s] }`},
	{program: `BEGIN { print 1e6, 0.1 + 0.2, 10000 * 100000, -3 % 2, 2 ^ 10, 1 / 3, 1e-5, 123456789.123 }`},
	{program: `BEGIN { printf "%5.2f|%-5s|%05d|%c|%c|%x|%e|%g|%s|%10s|%-10s|%.2s|%i|%o|%u|%%\n", 3.14159, "ab", 42, 65, "hello", 255, 12345.678, 0.0001, 1.5, "r", "l", "cut", 7.9, 8, 3 }`},
	{program: `BEGIN { printf "%*d|%-*s|%.*f\n", 5, 42, 6, "x", 2, 3.14159; printf "%s %s %s\n", "a", 1, 0.1; printf "%d %d\n", "12abc", "x"; printf "%+d % d %G\n", 5, 5, 1e-10 }`},
	{program: `BEGIN { n = split("a:b:c", q, ":"); print n, q[1], q[3]; n = split("  a b ", q); print n, q[1]; n = split("", q); print n, length(q); n = split("a1b22c", q, /[0-9]+/); print n, q[3] }`},
	{program: `BEGIN { print substr("hello", 2, 3), substr("hello", 4), substr("hello", 9) "|", substr("hello", 2, -1) "|", index("hello", "l"), index("x", "y"), toupper("aBc1"), tolower("AbC"), length("xyz"), length(12345) }`},
	{program: `function f(a, b) { a[1] = b; return b * 2 } BEGIN { print f(z, 4), z[1] }`}, {program: `function r(n) { return n <= 1 ? 1 : n * r(n - 1) } BEGIN { print r(10) }`},
	{program: `function g(a) { a["x"] = 1 } function f(a) { g(a) } BEGIN { f(z); print length(z), z["x"] }`}, {program: `function f(x) { x = 5 } BEGIN { y = 1; f(y); print y }`},
	{program: `function f(n,  i, s) { for (i = 0; i < n; i++) s = s i; return s } BEGIN { print f(5) f(2) }`}, {program: `function f() { return } BEGIN { x = f(); print x "|" x + 0 }`},
	{program: `BEGIN { s = "aaa"; n = gsub(/a/, "[&]", s); print n, s; sub(/\[/, "\\&", s); print s; t = "abc"; gsub(//, "-", t); print t; u = "hello"; print gsub(/l+/, "L", u), u; print sub(/z/, "", u) }`},
	{program: `{ gsub(/o/, "0"); print } `}, {program: `{ sub(/^ +/, ""); print $1 }`}, {program: `{ n += gsub(/the/, "&&") } END { print n }`},
	{program: `BEGIN { print match("foobar", /o+/), RSTART, RLENGTH; print match("x", /y/), RSTART, RLENGTH; print match("aab", "b$") }`},
	{program: `BEGIN { print (1 == 1.0), ("a" < "b"), ("10" < "9"), (10 < 9), ("" < "a"), (2 < 10), ("abc" ~ "b"), ("abc" ~ /^b/), ("a.c" ~ /a\.c/), ("abc" ~ "a.c") }`},
	{program: `{ print ($1 < 10), ($1 == "007"), ($3 == 7.5) }`}, {program: `BEGIN { print (x == 0), (x == ""), length(x), !x, -x, x + 0 }`}, {program: `BEGIN { if (!("a" in z)) print "no"; z["a"]; if ("a" in z) print "yes"; delete z["a"]; print length(z) }`},
	{program: `BEGIN { z[1, 2] = 3; for (k in z) { split(k, p, SUBSEP); print p[1], p[2] }; if ((1, 2) in z) print "in"; print ((2, 1) in z) }`}, {program: `BEGIN { z[1]; z[2]; delete z; print length(z) }`},
	{program: `BEGIN { x = 5; x ^= 2; print x++ + ++x, x--, x; x += 2; x -= 1; x *= 3; x /= 2; x %= 7; print x; a = b = 3; print a b; print -2 ^ 2, 2 ^ 3 ^ 2, !1 + 1, 1 - 1 " " 2 }`},
	{program: `BEGIN { print 1 " " 2 + 3 " " 4 * 5; print 1 - -1; print "a" > "/dev/stdout"; print (1 < 2) ? "y" : "n"; print 1 + 1 "x"; print 3 " " -1 }`},
	{program: `BEGIN { while (i < 5) { i++; if (i == 2) continue; if (i == 4) break; print i }; do { j++ } while (j < 5); print j; for (;;) { if (++k > 3) break }; print k; for (m = 0; m < 3; m++); print m }`},
	{program: `BEGIN { exit 4 } END { print "end" }`}, {program: `NR == 2 { exit } { print } END { print "done" }`}, {program: `NR == 1 { next } { print NR; exit 1 }`},
	{program: `BEGIN { "echo hi; echo ho" | getline x; print x; "echo hi; echo ho" | getline x; print x; close("echo hi; echo ho"); while (("echo 1; echo 2" | getline y) > 0) print "y" y }`},
	{program: `BEGIN { while ((getline line) > 0) n++; print n, NR; print getline, line }`}, {program: `NR == 1 { getline; print "got " $0; getline v; print v, NR }`}, {program: `BEGIN { print (getline x < "/nonexistent"); while ((getline x < "/dev/null") > 0) n++; print n + 0 }`},
	{program: `BEGIN { print "b\na" | "sort"; close("sort"); print "done"; system("echo sys"); r = system("exit 3"); print r }`}, {program: `{ print $1 | "sort -u" } END { close("sort -u"); print "last" }`}, {program: `BEGIN { print "x" | "cat 1>&2"; close("cat 1>&2"); print "to stderr" > "/dev/stderr" }`},
	{program: `BEGIN { RS = "" } { print NR ": " $1 "," $NF, NF }`}, {program: `BEGIN { RS = ""; FS = "\n" } { print $2 }`}, {program: `BEGIN { RS = "o" } { print NR, $1 }`}, {program: `BEGIN { FS = "," } { print $1 }`}, {program: `BEGIN { FS = "\t" } NR == 4 { print $2 }`},
	{program: `BEGIN { printf "a" "b" "\n"; printf("%s-%s\n", "x", "y"); print("p", "q"); print(1)(2) }`}, {program: "BEGIN { x = 1 # a comment\n  y = 2; print x, \\\n y }\n# end"}, {program: "function f(a,\n b) {\n return a + b\n}\nBEGIN {\n if (f(1, 2) == 3)\n  print \"three\"\n else\n  print \"no\"\n if (0) print 1; else print 2\n}"},
	{program: `BEGIN { print length() } { print length } `}, {program: `BEGIN { print int(3.9), int(-3.9), int("4x"), sqrt(16), exp(0), log(1), sin(0), cos(0), atan2(0, -1) }`}, {program: `BEGIN { srand(1); a = rand(); srand(1); b = rand(); print (a == b), (a >= 0 && a < 1) }`},
	{program: `BEGIN { CONVFMT = "%.2g"; a = 3.14159; b = a ""; print b; OFMT = "%.3f"; print a, a "" ; x[12.0] = 1; print (12 in x) }`}, {program: `BEGIN { print "a\tb\\n\"q\"\101" }`}, {program: `BEGIN { print index("a/b", "/"), "a/b" ~ /a\/b/, "a]b" ~ /[]]/, "a-b" ~ /[a\-]-/, "tab\t" ~ /[\t]/, "x{y" ~ /{/, "aab" ~ /^(a|b)+$/ }`},
	{program: `BEGIN { $0 = "a b c"; print NF, $2; $5 = "e"; print; print NF; $0 = "x y"; print $1, NF; $(1 + 1) = "z"; print; print $NF-1, $1$2 }`}, {program: `{ $1 = ""; print; print NF }`}, {program: `{ print $1, $2 > "/dev/stderr" }`}, {program: `BEGIN { print 1 > "/dev/null"; print ENVIRON["LC_NOTHING"] "|" ARGC, (ARGV[0] != "") }`},
	{program: `BEGIN { a["x"] = 1; if ("x" in a && !("y" in a)) print "fine"; n = "3x" + 2; print n; print 010 + 0, ".5" + 0, "1e2" + 0, "+3" + 0, " 4 " + 0 }`}, {program: `$0 ~ "fox$" { print "fox" } $1 ~ $1 { n++ } END { print n }`},
	{program: `BEGIN { x["a"] = 1; f = "a"; print x[f]++, x["a"], ++x["b"], x["b"]--, x["b"]; print !x["none"], ("none" in x) }`}, {program: `{ a[NR] = $0 } END { for (i = NR; i > 0; i--) print a[i] }`}, {program: `!seen[$1]++`}, {program: `{ if (length($0) > max) { max = length($0); line = $0 } } END { print max, line }`},
	{program: `/^[ \t]*$/ { next } { sub(/[ \t]+$/, ""); print }`}, {program: `BEGIN { while ("cat /etc/passwd" | getline) { split($0, f, ":"); if (f[3] == 0) print f[1] } }`}, {program: `{ for (i = NF; i > 0; i--) printf "%s%s", $i, (i > 1 ? OFS : ORS) }`}, {program: `BEGIN { printf "%s\n" , (1 == 1) ? "t" : "f"; x = 1 ? 2 ? "a" : "b" : "c"; print x }`},
}

// What scripts of OpenWrt and Debian do with awk, in short.
func TestProgramsOfScripts(t *testing.T) {
	for _, c := range []struct{ claim, program, input, want string }{
		{"default route", `$2 == "00000000" { print $1; exit }`, "Iface\tDestination\tGateway\nbr-lan\t0000A8C0\t0\nwan\t00000000\t0101A8C0\n", "wan\n"},
		{"a value from meminfo", `/^MemTotal:/ { printf "%d", $2 / 1024 }`, "MemTotal:  2048000 kB\nMemFree: 1 kB\n", "2000"},
		{"paragraphs of dpkg", `BEGIN { RS = ""; FS = "\n" } /Package: b/ { for (i = 1; i <= NF; i++) if ($i ~ /^Version:/) { sub(/^Version: */, "", $i); print $i } }`, "Package: a\nVersion: 1\n\nPackage: b\nVersion: 2-1\n", "2-1\n"},
		{"netmask to prefix", `function bits(n,  c) { while (n > 0) { c += n % 2; n = int(n / 2) }; return c + 0 } { split($1, o, "."); print bits(o[1]) + bits(o[2]) + bits(o[3]) + bits(o[4]) }`, "255.255.252.0\n", "22\n"},
		{"a key of a configuration", `$1 == "option" && $2 == "ipaddr" { gsub(/['"]/, "", $3); print $3 }`, "config interface 'lan'\n\toption ipaddr '192.168.1.1'\n", "192.168.1.1\n"},
		{"columns of df", `NR > 1 { gsub("%", "", $5); if ($5 + 0 > 90) print $6, $5 }`, "F S U A U% M\n/dev/a 1 1 1 95% /\n/dev/b 1 1 1 5% /x\n", "/ 95\n"},
		{"next in a function", `function f() { next } NR == 1 { f(); print "no" } { print NR }`, "a\nb\n", "2\n"},
		{"large numbers", `BEGIN { print 100000 * 100000, 2 ^ 53, substr("hello", 0, 2), srand(5), srand() }`, "", "10000000000 9007199254740992 h 0 5\n"},
		{"hexadecimal", `function hex(s,  i, n) { n = 0; s = tolower(s); for (i = 1; i <= length(s); i++) n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1; return n } { print hex($1) }`, "fF\n", "255\n"},
		{"order of for in", `BEGIN { x[10]; x[9]; x["b"]; x["a"]; for (k in x) printf "%s ", k }`, "", "9 10 a b "},
	} {
		if got, status, err := try(t, c.input, Config{Program: c.program}); got != c.want || status != 0 || err != nil {
			t.Errorf("%s: got %q, %d, %v, want %q", c.claim, got, status, err, c.want)
		}
	}
}

func TestOperandsAreFilesAndAssignments(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"a": "1\n2\n", "b": "3"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, status, err := try(t, "in\n", Config{Program: `{ print FILENAME, FNR, NR, x, $1 } END { print x }`, Args: []string{"x=one", "a", "x=two", "b", "-", "x=three"}})
	if want := "a 1 1 one 1\na 2 2 one 2\nb 1 3 two 3\n- 1 4 two in\nthree\n"; got != want || status != 0 || err != nil {
		t.Errorf("got %q, %d, %v, want %q", got, status, err, want)
	}
	if got, status, _ := try(t, "", Config{Program: `{ print }`, Args: []string{"missing", "b"}}); got != "3\nawk: missing: no such file or directory\n" || status != 2 {
		t.Errorf("a missing file: got %q, %d", got, status)
	}
	if got, _, _ := try(t, "", Config{Program: `FNR == 1 { print FILENAME; nextfile } { print }`, Args: []string{"a", "b"}}); got != "a\nb\n" {
		t.Errorf("nextfile: got %q", got)
	}
	try(t, "", Config{Program: `BEGIN { print "x" > "out"; print "y" > "out"; close("out"); print "z" >> "out" }`})
	if text, _ := os.ReadFile("out"); string(text) != "x\ny\nz\n" {
		t.Errorf("redirections: got %q", text)
	}
}

func TestFaultsAreToldWithTheirLine(t *testing.T) {
	for program, want := range map[string]string{
		"{ print":                         "line 1: the end is not expected here",
		"BEGIN {\n x = ) }":               "line 2: ) is not expected here",
		"BEGIN { f(1) }":                  "line 1: there is no function f",
		"function f(a) {} BEGIN{f(1,2)}":  "line 1: function f takes 1 arguments",
		"/a":                              "line 1: a regular expression without its closing /",
		"/(/":                             "line 1: /(/: missing closing ): `(?s)(`",
		`BEGIN { "x }`:                    "line 1: a text without its closing quote",
		"BEGIN { break }":                 "line 1: break stands in no loop",
		"BEGIN { return }":                "line 1: return stands in no function",
		"BEGIN { print 1 / 0 }":           "division by zero",
		"BEGIN { x[1]; print x }":         "x is an array",
		"BEGIN { x = 1; x[1] = 2 }":       "x is no array",
		"BEGIN { print $(-1) }":           "$-1: there is no such field",
		"BEGIN { NF = -1 }":               "NF cannot be -1",
		"function f() { f() } BEGIN{f()}": "functions are nested too deep in f",
		"BEGIN { substr(1) }":             "line 1: substr does not take 1 arguments",
		"@":                               `line 1: '@' is not understood`,
		"BEGIN { " + strings.Repeat("(", 100000) + "1": "line 1: it is nested too deep",
		"BEGIN { s = \"x\"; while (1) s = s s }":       "a text of more than 256 MiB",
	} {
		_, status, err := try(t, "", Config{Program: program})
		if err == nil || err.Error() != want || status != 2 {
			t.Errorf("%.60s: got %v, %d, want %q", program, err, status, want)
		}
	}
}

// The reader looks at what was printed before it gives the next line.
func TestWhatWasPrintedIsSentBeforeMoreIsWaitedFor(t *testing.T) {
	var out bytes.Buffer
	asked := 0
	in := readerFunc(func(b []byte) (int, error) {
		if asked++; asked > 1 {
			if out.String() != "got a\n" {
				t.Errorf("when it waits, %q is printed", out.String())
			}
			return 0, io.EOF
		}
		return copy(b, "a\n"), nil
	})
	if _, err := Run(Config{Name: "awk", Program: `{ print "got " $1 }`, Stdin: in, Stdout: &out, Stderr: &out}); err != nil {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestAnEndlessInputCanBeLeft(t *testing.T) {
	done := make(chan string)
	go func() {
		out, _, _ := try(t, "", Config{Program: `BEGIN { while (("yes" | getline x) > 0) if (++n == 3) break; close("yes"); print n }`})
		done <- out
	}()
	select {
	case out := <-done:
		if out != "3\n" {
			t.Errorf("got %q", out)
		}
	case <-time.After(time.Minute):
		t.Fatal("the command was not left")
	}
}

func FuzzProgramsNeverPanic(f *testing.F) {
	for _, c := range programs {
		f.Add(c.program, words)
	}
	f.Fuzz(func(t *testing.T, program, input string) {
		if strings.Contains(program, ">") || strings.Contains(program, "<") {
			return // files
		}
		var out bytes.Buffer
		Run(Config{Name: "awk", Program: program, Stdin: strings.NewReader(input), Stdout: &out, Stderr: &out, Steps: 3000})
	})
}
