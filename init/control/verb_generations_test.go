package control

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/switcher"
)

func TestANumberIsAGenerationAndAFileOfThatNameHasAPath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile(filepath.Join(dir, "3"), []byte("hostname = \"file\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"switch", "test", "boot", "plan"} {
		for arg, want := range map[string]Request{"3": {Generation: 3}, "./3": {File: "./3", Text: []byte("hostname = \"file\"\n")}, "": {}} {
			requests := make(chan Request, 1)
			socket := answering(t, requests, func(Request) Frame { return Reply(switcher.Plan{}) })
			runVerb(socket, strings.Fields(verb+" "+arg)...)
			got := <-requests
			if got.Verb != verb || got.Generation != want.Generation || got.File != want.File || string(got.Text) != string(want.Text) {
				t.Errorf("%s %s asks %+v", verb, arg, got)
			}
		}
	}
}

func TestMarksOfGenerationsAreAskedFor(t *testing.T) {
	for args, want := range map[string]Request{
		"generations pin 3":                   {Verb: "pin", Generation: 3},
		"generations unpin 3":                 {Verb: "unpin", Generation: 3},
		"generations label 3 before the move": {Verb: "label", Generation: 3, Label: "before the move"},
		"generations label 3":                 {Verb: "label", Generation: 3},
		"rollback --to-good --confirm 5s":     {Verb: "rollback", ToGood: true, Confirm: 5 * time.Second},
		"gc --dry-run":                        {Verb: "gc", DryRun: true},
		"gc":                                  {Verb: "gc"},
	} {
		requests := make(chan Request, 1)
		socket := answering(t, requests, func(Request) Frame { return Frame{} })
		code, _, errs := runVerb(socket, strings.Fields(args)...)
		got := <-requests
		if code != ExitGood || got.Verb != want.Verb || got.Generation != want.Generation || got.Label != want.Label || got.ToGood != want.ToGood || got.DryRun != want.DryRun || got.Confirm != want.Confirm {
			t.Errorf("%s: code %d %q asks %+v", args, code, errs, got)
		}
	}
}

func TestGenerationsShowTellsAllAboutOne(t *testing.T) {
	made := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d := GenerationDescription{Marks: []string{"pinned"}, Description: switcher.Description{
		Listed: switcher.Listed{Entry: switcher.Entry{Number: 4, State: "bad", Verb: "switch", Created: made, Digest: "sha256:44", Label: "lab",
			Reason: "service web: exit status 1", Log: []string{"web: \x1b[2Jno luck"}}},
		Kernel: "6.1.0", Layers: []string{"package libc6 2.36", "program sensor"}, Before: 3, Changes: nil, Running: 2, Against: []string{`hostname: "a" -> "b"`},
	}}
	socket := answering(t, nil, func(Request) Frame { return Reply(d) })
	_, got, _ := runVerb(socket, "generations", "show", "4")
	const want = `generation  4, bad, pinned
label       lab
reason      service web: exit status 1
            web: \x1b[2Jno luck
made        2026-11-22 12:00 by switch
digest      sha256:44
kernel      6.1.0
layers      package libc6 2.36
            program sensor

Against generation 3, made before it:
  no difference

Against generation 2, which runs:
  hostname: "a" -> "b"
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d.Kernel, d.Fault, d.Log = "", "blob is corrupt", nil
	if _, got, _ := runVerb(socket, "generations", "show", "4"); !strings.HasSuffix(got, "cannot run  blob is corrupt\n") {
		t.Errorf("of a damaged one:\n%s", got)
	}
	_, out, _ := runVerb(socket, "generations", "show", "4", "--json")
	var back GenerationDescription
	if err := json.Unmarshal([]byte(out), &back); err != nil || back.Number != 4 || back.Label != "lab" || back.Fault == "" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheListShowsLabels(t *testing.T) {
	socket := answering(t, nil, func(Request) Frame {
		return Reply([]Generation{{Entry: switcher.Entry{Number: 4, State: "bad", Label: "lab", Reason: "no luck"}, Marks: []string{"pinned"}}})
	})
	if _, out, _ := runVerb(socket, "generations"); !strings.Contains(out, `"lab" pinned; no luck`) {
		t.Error(out)
	}
}

func TestShowPrintsTheBytesOfASystemToml(t *testing.T) {
	const text = "hostname = \"a\" # \u00fc\n"
	requests := make(chan Request, 1)
	socket := answering(t, requests, func(Request) Frame { return Reply([]byte(text)) })
	code, out, _ := runVerb(socket, "show", "3")
	if req := <-requests; code != 0 || out != text || req.Verb != "text" || req.Generation != 3 {
		t.Errorf("code %d, %q, asked %+v", code, out, req)
	}
}

func TestGCAndDeleteTellWhatTheyRemove(t *testing.T) {
	socket := answering(t, nil, func(Request) Frame { return Reply(switcher.Garbage{Generations: []int{2, 3}, Blobs: 5, Bytes: 4096}) })
	for args, want := range map[string]string{
		"gc --dry-run": "would remove 2 generations (2, 3): 4096 bytes in 5 blobs\n",
		"gc":           "removed 2 generations (2, 3): 4096 bytes in 5 blobs\n",

		"generations delete 2 3": "removed 2 generations (2, 3): 4096 bytes in 5 blobs\n",
	} {
		if _, out, _ := runVerb(socket, strings.Fields(args)...); out != want {
			t.Errorf("%s: %q", args, out)
		}
	}
}

func TestSwitchAsJSONIsALineForEachEventAndTheResultLast(t *testing.T) {
	for _, args := range []string{"switch --json", "test --json", "boot --json", "rollback --json --yes"} {
		socket := serveOn(t, func(req Request, c *Client) Frame {
			if !req.Events {
				t.Errorf("%s asks %+v", args, req)
			}
			c.Write(Reply(switcher.Event{Kind: switcher.EventStep, Text: "stop service web", Step: 1, Total: 2}))
			f := Reply(switcher.Result{Verb: req.Verb, To: 3, Exit: 10})
			f.Exit = 10
			return f
		})
		code, out, errs := runVerb(socket, strings.Fields(args)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		var event switcher.Event
		var result switcher.Result
		if code != 10 || len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &event) != nil || json.Unmarshal([]byte(lines[1]), &result) != nil || event.Step != 1 || result.To != 3 {
			t.Errorf("%s: code %d %q\n%s", args, code, errs, out)
		}
	}
}
