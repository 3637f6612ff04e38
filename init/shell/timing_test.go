package shell

import (
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// seconds are the times, which differ from run to run.
var seconds = regexp.MustCompile(`([0-9]+m)?[0-9]+\.([0-9]+)`)

func TestTimeWritesLikeBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("bash is missing: apt-get install bash")
	}
	bin := binFolder(t)
	for _, script := range []string{
		"time -p true", "time true", "time -p true | true", "time -p false; echo status $? >&2", "! time -p true; echo status $? >&2",
		"time -p { echo a >&2; false; }; echo status $? >&2",
		"f() { time -p g; }; g() { return 4; }; time -p f; echo status $? >&2", "time -p for i in 1 2; do time -p true; done",
		"eval 'time -p true'", "time -p false | true; echo status $? >&2", "if time -p true; then echo yes >&2; fi",
	} {
		run := func(path, name string) string {
			cmd := &exec.Cmd{Path: path, Args: []string{name, "-c", script}, Env: []string{"PATH=" + bin, "HOME=/"}}
			out, _ := cmd.CombinedOutput()
			return seconds.ReplaceAllStringFunc(string(out), func(n string) string {
				return regexp.MustCompile(`[0-9]`).ReplaceAllString(n, "N") // but as many digits
			})
		}
		got, want := run(bin+"/sh", "sh"), run(bash, "bash")
		if got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", script, got, want)
		}
	}
}

func TestTimeCountsTheProcessorsOfAllCommandsOfAPipeline(t *testing.T) {
	cmd := &exec.Cmd{Path: binFolder(t) + "/sh", Args: []string{"sh", "-c", "time head -c 30000000 /dev/zero | sha256sum | cat >/dev/null"}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	times := regexp.MustCompile(`^\nreal\t0m[0-9.]+s\nuser\t(\d+)m([0-9.]+)s\nsys\t(\d+)m([0-9.]+)s\n$`).FindStringSubmatch(string(out))
	if times == nil {
		t.Fatalf("got %q", out)
	}
	total := 0.0
	for i, unit := range []float64{60, 1, 60, 1} {
		n, err := strconv.ParseFloat(times[i+1], 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n * unit
	}
	if total <= 0.005 { // the digest of 30 MB takes more on any processor
		t.Errorf("no time of the commands is counted: %q", out)
	}
}
