package switcher

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bantam/layer"
	"bantam/system"
)

func sha(text string) string { return DigestOf([]byte(text)).Hex() }

// daemonLayers are a package with a daemon, which loads libc, and what it configures, in two versions of libc; and a
// program that loads nothing.
func daemonLayers(m *fakeMachine, libc string) []Descriptor {
	index := func(x layer.Index) string { return string(x.Encode()) }
	return []Descriptor{
		m.layer("package/daemon", "1.0-1", "package/daemon", fakeLayer{"etc/daemon.conf": "port 1\n", "index": index(layer.Index{
			{Path: "etc/daemon", Kind: layer.Folder, Mode: 0o755},
			{Path: "etc/daemon.conf", Kind: layer.RegularFile, Mode: 0o644, SHA256: sha("port 1\n")},
			{Path: "etc/daemon.link", Kind: layer.Link, Link: "daemon.conf"},
			{Path: "etc/nsswitch.conf", Kind: layer.RegularFile, Mode: 0o644, SHA256: sha("not the package's to say")},
			{Path: "usr/sbin/daemon", Kind: layer.RegularFile, Mode: 0o755, SHA256: sha("daemon"), Loads: layer.Loads{Needs: []string{"libc.so.6"}}},
		})}),
		m.layer("package/libc6", libc, "package/daemon", fakeLayer{"index": index(layer.Index{
			{Path: "usr/lib/x86_64-linux-gnu/libc.so.6", Kind: layer.RegularFile, Mode: 0o755, SHA256: sha(libc)},
		})}),
		m.layer("program/alone", "", "program/alone", fakeLayer{"index": index(layer.Index{
			{Path: "usr/bin/alone", Kind: layer.RegularFile, Mode: 0o755, SHA256: sha("alone")},
		})}),
	}
}

const daemonText = `packages = ["daemon"]
[program.alone]
file = "alone"
[service.daemon]
command = ["/usr/sbin/daemon"]
[service.shell]
command = ["sh", "-c", "exec /usr/sbin/daemon -x"]
[service.alone]
command = ["/usr/bin/alone"]
[service.own]
command = ["httpd"]
`

func machineWithDaemon(t *testing.T) (*Switcher, *fakeMachine, string) {
	dir, m := t.TempDir(), newFakeMachine()
	m.carry(daemonText, daemonLayers(m, "2.36")...)
	return bootAgain(t, dir, m), m, dir
}

func TestLayersAreSetUpBeforeWhatUsesThem(t *testing.T) {
	_, m, _ := machineWithDaemon(t)
	var got []string
	for _, call := range m.calls {
		if strings.HasPrefix(call, "tree") || strings.HasPrefix(call, "start") || strings.Contains(call, "/etc/daemon") {
			got = append(got, call)
		}
	}
	want := "tree [package/daemon package/libc6 program/alone]; folder /etc/daemon; write /etc/daemon.conf; link /etc/daemon.link; start [network]; start [alone daemon own shell]"
	if strings.Join(got, "; ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "; "), want)
	}
	if m.files["/etc/nsswitch.conf"] != "" {
		t.Error("a package writes what is Bantam's own")
	}
}

func TestADraftDropsPackagesAndARollbackBringsThemBack(t *testing.T) {
	s, m, dir := machineWithDaemon(t)
	before := m.seen()
	r := switchTo(t, s, VerbSwitch, "[program.alone]\nfile = \"alone\"\n[service.alone]\ncommand = [\"/usr/bin/alone\"]\n")
	wantExit(t, r, ExitGood)
	want := "stop service shell; stop service own; stop service daemon; remove package daemon 1.0-1; remove package libc6 2.36; " +
		"remove file /etc/daemon.conf; remove file /etc/daemon.link"
	if got := strings.Join(stepsOf(r), "; "); got != want {
		t.Errorf("steps %s\nwant %s", got, want)
	}
	if got := fmt.Sprint(sortedKeys(m.tree)); got != "[program/alone]" {
		t.Errorf("the tree is %s", got)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if after := m.seen(); after != before {
		t.Errorf("before\n%s\nthere and back again\n%s", before, after)
	}
	s = bootAgain(t, dir, m)
	r = switchTo(t, s, VerbSwitch, strings.Replace(daemonText, `["daemon"]`, `["daemon"] # a comment`, 1))
	if len(stepsOf(r)) > 0 {
		t.Errorf("a comment: %q", stepsOf(r))
	}
}

func TestAnotherLibraryRestartsWhatUsesItAndNothingElse(t *testing.T) {
	s, m, _ := machineWithDaemon(t)
	layers := daemonLayers(m, "2.36-9+deb12u10")
	for _, l := range layers { // as if it had been brought to the store
		if _, err := s.store.PutBytes([]byte(fmt.Sprint(l.LayerName(), l.Annotations[VersionAnnotation], m.layers[l.Digest]))); err != nil {
			t.Fatal(err)
		}
	}
	sys, _ := system.Parse("system.toml", []byte(daemonText))
	g := m.medium
	g.Layers = layers
	to, err := s.add(target{generation: g, text: []byte(daemonText), system: sys}, VerbSwitch, nil)
	if err != nil {
		t.Fatal(err)
	}
	preview, err := s.Plan(Request{Verb: VerbSwitch, Generation: to.number})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range preview.Plan.Steps {
		got = append(got, step.Text+" ("+step.Reason+")")
	}
	const lib = "/usr/lib/x86_64-linux-gnu/libc.so.6 has changed"
	want := "stop service shell (service.shell: " + lib + "); stop service daemon (service.daemon: " + lib + "); " +
		"change package libc6 2.36 to 2.36-9+deb12u10 (another version); start service daemon (service.daemon: " + lib + "); start service shell (service.shell: " + lib + ")"
	if strings.Join(got, "; ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "; "), want)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: to.number}, nil), ExitGood)
	m.calls = nil
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if text := strings.Join(m.calls, "; "); !strings.Contains(text, "stop [shell daemon]; ") || !strings.HasSuffix(text, "; start [daemon shell]") {
		t.Errorf("back: %s", text)
	}
}

func TestAFileThatAnotherVersionChangesIsBlamedOnNobody(t *testing.T) {
	s, m, _ := machineWithDaemon(t)
	layers := daemonLayers(m, "2.36")
	layers[0] = m.layer("package/daemon", "1.0-2", "package/daemon", fakeLayer{"etc/daemon.conf": "port 2\n", "index": string(layer.Index{
		{Path: "etc/daemon.conf", Kind: layer.RegularFile, Mode: 0o644, SHA256: sha("port 2\n")},
		{Path: "usr/sbin/daemon", Kind: layer.RegularFile, Mode: 0o755, SHA256: sha("daemon"), Loads: layer.Loads{Needs: []string{"libc.so.6"}}},
	}.Encode())})
	if _, err := s.store.PutBytes([]byte(fmt.Sprint("package/daemon", "1.0-2", m.layers[layers[0].Digest]))); err != nil {
		t.Fatal(err)
	}
	sys, _ := system.Parse("system.toml", []byte(daemonText))
	g := m.medium
	g.Layers = layers
	to, err := s.add(target{generation: g, text: []byte(daemonText), system: sys}, VerbSwitch, nil)
	if err != nil {
		t.Fatal(err)
	}
	preview, err := s.Plan(Request{Verb: VerbSwitch, Generation: to.number})
	for _, want := range []string{"write file /etc/daemon.conf ", " package daemon 1.0-2 has another\n", "remove file /etc/daemon.link", " package daemon had it\n"} {
		if err != nil || !strings.Contains(preview.Plan.String(), want) {
			t.Errorf("%v, no %q in\n%s", err, want, preview.Plan)
		}
	}
}

func TestAPlanNamesOnlyFilesThatChange(t *testing.T) {
	const (
		text   = "packages = [\"daemon\", \"other\"]\n[service.shell]\ncommand = [\"sh\", \"-c\", \"exec /usr/sbin/daemon -x || exec /usr/sbin/other\"]\n"
		daemon = "/usr/sbin/daemon"
	)
	dir, m := t.TempDir(), newFakeMachine()
	layers := daemonLayers(m, "2.36")[:2]
	layers[1].Annotations[ForAnnotation] = "package/daemon package/other"
	layers = append(layers, m.layer("package/other", "1", "package/other", fakeLayer{"index": string(layer.Index{
		{Path: "usr/sbin/other", Kind: layer.RegularFile, Mode: 0o755, SHA256: sha("other")},
	}.Encode())}))
	m.carry(text, layers...)
	s := bootAgain(t, dir, m)
	without := strings.Replace(text, `"daemon", `, "", 1)
	preview, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(without)})
	for _, want := range []string{"service.shell: " + daemon + " is gone\n", "remove file /etc/daemon.conf  package daemon had it\n"} {
		if err != nil || !strings.Contains(preview.Plan.String(), want) {
			t.Errorf("there: %v, no %q in\n%s", err, want, preview.Plan)
		}
	}
	wantExit(t, switchTo(t, s, VerbSwitch, without), ExitGood)
	preview, err = s.Plan(Request{Verb: VerbRollback})
	for _, want := range []string{daemon + " is new\n", "write file /etc/daemon.conf  package daemon has it\n"} {
		if err != nil || !strings.Contains(preview.Plan.String(), want) {
			t.Errorf("back: %v, no %q in\n%s", err, want, preview.Plan)
		}
	}
}

func TestWhatIsDifferentBetweenGenerationsTellsTheirLayers(t *testing.T) {
	s, _, _ := machineWithDaemon(t)
	wantExit(t, switchTo(t, s, VerbSwitch, "[program.alone]\nfile = \"alone\"\n"), ExitGood)
	changes, err := s.Compare(1, 2)
	text := fmt.Sprint(changes)
	if err != nil || !strings.Contains(text, `packages: ["daemon"] -> (not set)`) || !strings.Contains(text, "package libc6: 2.36 (") || strings.Contains(text, "program alone") {
		t.Errorf("%v, %s", err, text)
	}
	d, err := s.Describe(1)
	if got := strings.Join(d.Layers, ", "); err != nil || got != "package daemon 1.0-1, package libc6 2.36, program alone" {
		t.Errorf("%v, %s", err, got)
	}
	if changes, err := s.Compare(2, 0); err != nil || len(changes) != 0 {
		t.Errorf("the draft: %v, %v", changes, err)
	}
}

func TestWhatADraftCannotHave(t *testing.T) {
	s, m, _ := machineWithDaemon(t)
	for _, c := range []struct{ name, old, new, want string }{
		{"a package that nobody has", `["daemon"]`, `["daemon", "nginx"]`, `system.toml:1:23: packages[1]: no generation on this machine has package nginx; a build host can make a generation with it`},
		{"a misspelt one", `["daemon"]`, `["deamon"]`, `system.toml:1:13: packages[0]: no generation on this machine has package deamon; did you mean "daemon"?`},
		{"other parts of one", "[program.alone]", "[package.daemon]\nexclude = [\"/usr/share/daemon\"]\n[program.alone]", `system.toml:1:13: packages[0]: no generation on this machine has package daemon`},
		{"a program from elsewhere", `file = "alone"`, `file = "other"`, `system.toml:2:10: program.alone: no generation on this machine has program alone`},
		{"a source", "[program.alone]", "[file.\"/srv/www\"]\nsource = \"site\"\n[program.alone]", `system.toml:3:1: file."/srv/www".source: no generation on this machine has source site`},
		{"a service without its package", `packages = ["daemon"]`, "", `system.toml:5:11: service daemon cannot start: /usr/sbin/daemon: no layer of this generation has it; it is of package daemon, which goes`},
	} {
		text := strings.Replace(daemonText, c.old, c.new, 1)
		preview, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(text)})
		said := strings.Join(preview.Problems, "\n")
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, want %q", c.name, said, c.want)
		}
	}
	if text := strings.Join(m.calls, " "); strings.Contains(text, "stop") {
		t.Errorf("something was stopped: %s", text)
	}
}

func TestADamagedLayerIsFoundBeforeTheFirstStop(t *testing.T) {
	s, m, _ := machineWithDaemon(t)
	wantExit(t, switchTo(t, s, VerbSwitch, "[service.own]\ncommand = [\"httpd\"]\n"), ExitGood)
	m.layers[m.medium.Layers[1].Digest]["damaged"] = ""
	m.calls = nil
	r := s.Switch(t.Context(), Request{Verb: VerbRollback}, nil)
	if r.Exit != ExitRefused || !strings.Contains(r.Reason, "layer package/libc6 is damaged") {
		t.Errorf("%+v", r)
	}
	if text := strings.Join(m.calls, " "); strings.Contains(text, "stop") {
		t.Errorf("something was stopped: %s", text)
	}
}

func TestABootPassesOverAGenerationWithADamagedLayer(t *testing.T) {
	for name, damage := range map[string]func(m *fakeMachine, files fakeLayer){
		"index": func(_ *fakeMachine, files fakeLayer) { files["index"] = "not an index" },
		"layout": func(m *fakeMachine, _ fakeLayer) {
			m.fail = func(call string) error {
				if strings.HasPrefix(call, "tree [package/daemon") {
					return errors.New("layer package/daemon: invalid argument")
				}
				return nil
			}
		},
	} {
		s, m, dir := machineWithDaemon(t)
		const alone = "[program.alone]\nfile = \"alone\"\n[service.alone]\ncommand = [\"/usr/bin/alone\"]\n"
		wantExit(t, switchTo(t, s, VerbSwitch, alone), ExitGood)
		wantExit(t, switchTo(t, s, VerbSwitch, daemonText+"# mine\n"), ExitGood)
		damage(m, m.layers[m.medium.Layers[0].Digest])
		s = bootAgain(t, dir, m)
		status := s.Status()
		if status.Running != 2 || !strings.Contains(m.runs(), "[alone]") {
			t.Errorf("%s: generation %d runs, %s", name, status.Running, m.runs())
		}
		if text := strings.Join(status.Notes, "\n"); !strings.Contains(text, "generation 3 cannot run: ") {
			t.Errorf("%s: %s", name, text)
		}
		record := s.recordNow()
		if e := record.entry(3); e.State != StateGood || record.Default != 3 {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestAGenerationWithoutItsLayersDoesNotStart(t *testing.T) {
	s, m, dir := machineWithDaemon(t)
	wantExit(t, switchTo(t, s, VerbSwitch, daemonText+"# mine\n"), ExitGood)
	m.carry(imageText) // another image, of the same kernel
	s = bootAgain(t, dir, m)
	if got := s.Status().Running; got == 2 {
		t.Errorf("generation %d runs", got)
	}
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: 2}, nil)
	if r.Exit != ExitRefused || !strings.Contains(r.Reason, "package daemon (") || !strings.Contains(r.Reason, "neither on the boot medium nor in the store") {
		t.Errorf("%+v", r)
	}
}

func TestFilesBelowUsrAndSourcesAreOfTheTree(t *testing.T) {
	dir, m := t.TempDir(), newFakeMachine()
	site := func(digest string) Descriptor {
		return m.layer("files", "", "files", fakeLayer{"index": string(layer.Index{
			{Path: "srv/www", Kind: layer.Folder, Mode: 0o755, SHA256: sha(digest)},
		}.Encode())})
	}
	text := "[file.\"/srv/www\"]\nsource = \"site\"\n[file.\"/usr/local/bin/x\"]\ntext = \"#!/bin/sh\"\nmode = \"0755\"\n" +
		"[service.web]\ncommand = [\"httpd\", \"-h\", \"/srv/www/index.html\"]\n[service.x]\ncommand = [\"/usr/local/bin/x\"]\n"
	m.carry(text, site("a"))
	s := bootAgain(t, dir, m)
	if got := fmt.Sprint(sortedKeys(m.tree)); got != "[/srv/www /usr/local/bin/x files]" || len(m.files) > 0 {
		t.Errorf("the tree is %s, files are %v", got, m.files)
	}
	r := switchTo(t, s, VerbSwitch, strings.Replace(text, "/bin/sh\"", "/bin/sh\\n\"", 1))
	if got := strings.Join(stepsOf(r), "; "); got != "stop service x; write file /usr/local/bin/x; start service x" {
		t.Error(got)
	}
	m.carry(text, site("b"))
	before := m.services["web"].Fingerprint
	s = bootAgain(t, dir, m)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(text)}, nil), ExitGood)
	if m.services["web"].Fingerprint == before {
		t.Error("another site is the same to who serves it")
	}
}

// A source may be below /etc or /usr too, where it is nothing that the tree shows by itself.
func TestWhoReadsASourceIsToldOfAChangeInIt(t *testing.T) {
	for _, at := range []string{"etc/web.d", "srv/www", "usr/share/site"} {
		m := newFakeMachine()
		site := func(text string) Descriptor {
			return m.layer("files", "", "files", fakeLayer{at + "/a": text, "index": string(layer.Index{
				{Path: at, Kind: layer.Folder, Mode: 0o755, SHA256: sha("all of " + text)},
				{Path: at + "/a", Kind: layer.RegularFile, Mode: 0o644, SHA256: sha(text)},
			}.Encode())})
		}
		text := "[file.\"/" + at + "\"]\nsource = \"site\"\nreloads = [\"told\"]\nrestarts = [\"again\"]\n" +
			"[service.told]\ncommand = [\"httpd\"]\n[service.again]\ncommand = [\"httpd\"]\n[service.other]\ncommand = [\"httpd\"]\n"
		prints := map[string]string{}
		for _, version := range []string{"a", "b"} {
			m.carry(text, site(version))
			bootAgain(t, t.TempDir(), m)
			for name, s := range m.services {
				if same := prints[name] == s.Fingerprint; version == "b" && same != (name == "other" || name == "network") {
					t.Errorf("/%s: of another source %s has the same fingerprint: %v", at, name, same)
				}
				prints[name] = s.Fingerprint
			}
		}
		if !strings.HasPrefix(at, "etc/") {
			continue // nobody can change it by hand
		}
		s := bootAgain(t, t.TempDir(), m)
		m.files["/"+at+"/a"] = "changed by hand"
		preview, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, step := range preview.Plan.Steps {
			got = append(got, step.Text)
		}
		if want := "stop service again; write file /etc/web.d/a; reload service told; start service again"; strings.Join(got, "; ") != want {
			t.Errorf("changed by hand: %q, want %q", got, want)
		}
	}
}

func TestPathsInACommand(t *testing.T) {
	for word, want := range map[string]string{
		"/usr/bin/x": "[/usr/bin/x]", "--conf=/etc/a.conf,/etc/b": "[/etc/a.conf /etc/b]", "exec /usr/sbin/y -c /etc/../etc/z; /bin/q": "[/usr/sbin/y /etc/z /bin/q]",
		"a/b": "[]", "/": "[]", "http://host/x": "[/host/x]", "": "[]",
	} {
		if got := fmt.Sprint(pathsIn([]string{word})); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
