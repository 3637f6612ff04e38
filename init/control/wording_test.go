package control

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/switcher"
)

func TestUsageNamesEveryOptionThatIsTaken(t *testing.T) {
	for _, v := range verbs {
		socket := answering(t, nil, func(Request) Frame { return Frame{} })
		args := []string{v.name, "--json"}
		if v.name == "import" || v.name == "flash" || v.name == "install" {
			args = append(args, "/nonexistent.tar")
		}
		code, _, errs := runVerb(socket, args...)
		if taken := code != ExitUsage; taken != strings.Contains(v.usage, "--json") {
			t.Errorf("%s: usage %q, --json taken: %v %s", v.name, v.usage, taken, errs)
		}
	}
}

func TestPlanAsJSONIsOneDocumentAlsoWhenASwitchWouldBeRefused(t *testing.T) {
	socket := serveOn(t, func(_ Request, c *Client) Frame {
		c.Write(Frame{Line: wouldRefuse + "module zfs is not in this image"})
		return Reply(switcher.Plan{Steps: []switcher.Step{{Action: switcher.ActionSet, Kind: switcher.KindHostname, Name: "gate", Text: "set hostname gate"}}})
	})
	code, out, _ := runVerb(socket, "plan", "--json")
	var doc struct {
		Steps    []switcher.Step
		Problems []string
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != ExitError {
		t.Fatalf("code %d, %v in\n%s", code, err, out)
	}
	if len(doc.Steps) != 1 || len(doc.Problems) != 1 || doc.Problems[0] != "module zfs is not in this image" {
		t.Errorf("%+v", doc)
	}
	if code, text, _ := runVerb(socket, "plan"); code != ExitError || !strings.HasPrefix(text, wouldRefuse) || !strings.Contains(text, "set hostname gate") {
		t.Errorf("for people: %q", text)
	}
}

func TestCheckSeesTheBytesOfTheDraft(t *testing.T) {
	const latin1 = "hostname = \"gate\" # entr\xe9e\n"
	socket := answering(t, nil, func(Request) Frame { return Reply(Draft{Text: latin1, Changed: true, Generation: 3}) })
	if code, out, _ := runVerb(socket, "check"); code != ExitError || !strings.Contains(out, "1:25: byte 0xe9 is not UTF-8") {
		t.Errorf("code %d, %q", code, out)
	}
}

func TestFilesThatCannotRunAreRefusedBeforeAnythingIsAsked(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	large := file("large.toml", "")
	if err := os.Truncate(large, 64<<20); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file("latin1.toml", "hostname = \"gate\" # entr\xe9e\n"): "1:25: byte 0xe9 is not UTF-8",
		large: "more than the 1048576",
	} {
		for _, verb := range []string{"plan", "switch", "test", "boot"} {
			requests := make(chan Request, 1)
			socket := answering(t, requests, func(Request) Frame { return Reply(switcher.Plan{}) })
			code, _, errs := runVerb(socket, verb, path)
			if code != ExitError || len(requests) > 0 || !strings.Contains(errs, path) || !strings.Contains(errs, want) {
				t.Errorf("%s %s: code %d, %d requests, %q", verb, filepath.Base(path), code, len(requests), errs)
			}
		}
		if code, out, errs := runVerb("", "check", path); code != ExitError || !strings.Contains(out+errs, want) {
			t.Errorf("check %s: code %d, %q %q", filepath.Base(path), code, out, errs)
		}
	}
}

func TestWhatServicesWriteCannotCommandTheTerminal(t *testing.T) {
	socket := serveOn(t, func(_ Request, c *Client) Frame {
		c.Tell(Frame{Line: "web: \x1b[2J\x0e\u009bgone"})
		return Frame{Error: "one \x1bc\ntwo", Exit: ExitError}
	})
	_, out, errs := runVerb(socket, "switch")
	if want := "web: \\x1b[2J\\x0e\\x9bgone\n"; out != want {
		t.Errorf("shown %q, want %q", out, want)
	}
	if want := "bantam switch: one \\x1bc\ntwo\n"; errs != want {
		t.Errorf("error %q, want %q", errs, want)
	}
}

func TestASwitchWhoseAnswerNeverCameIsNotCalledRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			bufio.NewReader(c).ReadBytes('\n')
			c.Close() // PID 1 ends
		}
	}()
	for _, verb := range []string{"switch", "rollback"} {
		code, _, errs := runVerb(path, verb)
		if code != switcher.ExitFailed || !strings.Contains(errs, "`bantam status`") {
			t.Errorf("%s: code %d, %q", verb, code, errs)
		}
	}
}

func TestTheGreetingSaysWhichGenerationThisIs(t *testing.T) {
	for _, c := range []struct {
		status Status
		want   string
	}{
		{Status{Generation: 3, State: "good", Lasting: true}, "Generation 3, good."},
		{Status{Starting: 3, State: "good", Lasting: true, Busy: "start to generation 3, since 1s"}, "Generation 3, good, is being started."},
		{Status{Generation: 3, State: "untried", Lasting: true, Busy: "start to generation 3, since 1s"}, "Generation 3, being proven."},
		{Status{Generation: 3, State: "good", Lasting: true, Busy: "switch to generation 4, since 1s"}, "Generation 3, good. Under way: switch to generation 4, since 1s."},
		{Status{Generation: 3, State: "untried", Lasting: true, Patience: time.Minute, Busy: "start to generation 3, since 1s; once proven it waits 1m0s for `bantam confirm`"},
			"Generation 3, untried. Under way: start to generation 3, since 1s; once proven it waits 1m0s for `bantam confirm`."},
		{Status{Generation: 3, State: "bad", Lasting: true, Busy: "switch to generation 3, since 1s"}, "Generation 3, being proven."},
		{Status{Lasting: true}, "It runs the image's own generation, which could not be kept."},
		{Status{Lasting: true, Busy: "start to generation 0, since 1s"}, "No generation has been chosen yet; `bantam status` tells when."},
		{Status{Generation: 3, State: "good", Lasting: true, SSH: &SSH{At: []string{"[::]:22"}, Fingerprint: "SHA256:x", Lasting: true}},
			"Generation 3, good.\nSSH at [::]:22; host key SHA256:x."},
		{Status{Generation: 3, State: "good", Lasting: true, SSH: &SSH{At: []string{"[::]:22"}, Fingerprint: "SHA256:x"}, Notes: []string{"a"}},
			"Generation 3, good.\nSSH at [::]:22; host key SHA256:x, another at each boot.\n  a"},
		{Status{Generation: 3, State: "good", Lasting: true, SSH: &SSH{At: []string{"[::]:22"}}},
			"Generation 3, good.\nSSH at [::]:22; its host key waits for the kernel's random numbers."},
		{Status{Generation: 1, State: "good", Storage: "in memory", Notes: []string{"a", "b"}}, "Generation 1, good. The state is in memory.\n  a\n  b"},
	} {
		if got := c.status.greeting(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Nobody is asked for what is refused.
func TestAFolderThatCannotBeRemovedIsNotAskedAbout(t *testing.T) {
	for folder, want := range map[string]string{
		"/var/lib/x":    "bantam state: /var/lib/x is no folder that lasts; `bantam state` lists them\n",
		"/var/lib/used": "bantam state: /var/lib/used is used by service web; take it out of its state first, and switch\n",
		"/var/lib/left": "All that is in /var/lib/left will be gone",
	} {
		removed := false
		socket := answering(t, nil, func(r Request) Frame {
			removed = removed || r.Verb == "state remove"
			return Reply([]StateFolder{{Path: "/var/lib/used", UsedBy: []string{"service web"}}, {Path: "/var/lib/left"}})
		})
		code, out, errs := runVerb(socket, "state", "remove", folder)
		if code != ExitError || removed || !strings.Contains(out+errs, want) {
			t.Errorf("%s: code %d, %q, %q", folder, code, out, errs)
		}
	}
}

// What somebody thought of a generation before is not shown beside its proof.
func TestStatusOfWhatIsBeingProven(t *testing.T) {
	const busy = "start to generation 1, since 1s"
	for _, c := range []struct {
		status Status
		want   string
	}{
		{Status{Generation: 1, State: "interrupted", Why: "it came with the image", Busy: busy}, "generation  1, being proven: it came with the image\n"},
		{Status{Generation: 1, State: "bad", Why: "made by boot", Busy: busy}, "generation  1, being proven: made by boot\n"},
		{Status{Generation: 1, State: "good", Why: "made by boot", Busy: busy}, "generation  1, good: made by boot\n"},
		{Status{Generation: 1, State: "bad", Why: "made by boot"}, "generation  1, bad: made by boot\n"},
		{Status{Starting: 1, State: "interrupted", Why: "made by boot", Busy: busy}, "generation  1, interrupted, is being started: made by boot\n"},
	} {
		socket := answering(t, nil, func(Request) Frame { return Reply(c.status) })
		if _, text, _ := runVerb(socket, "status"); !strings.Contains(text, c.want) {
			t.Errorf("no %q in\n%s", c.want, text)
		}
	}
}

func TestStatusNamesAGenerationWithoutANumber(t *testing.T) {
	for want, s := range map[string]Status{
		"generation  2, good, is being started: made by switch\n":           {Starting: 2, State: "good", Why: "made by switch", Busy: "start to generation 2, since 3s"},
		"generation  none yet\n":                                            {Busy: "start to generation 2, since 3s"},
		"generation  the image's own generation, which could not be kept\n": {},
	} {
		socket := answering(t, nil, func(Request) Frame { return Reply(s) })
		if _, text, _ := runVerb(socket, "status"); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
