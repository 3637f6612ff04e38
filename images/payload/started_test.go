package payload

import (
	"context"
	"strings"
	"testing"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
)

// startedLayers have a package and a source, as a build makes them.
func startedLayers(t *testing.T, r Request) *present {
	t.Helper()
	var all []built
	for name, tree := range map[string][]File{
		"package/mosquitto": {file("usr/sbin/mosquitto", 0o755, "x"), file("usr/sbin/tcpdump", 0o755, "x"), file("usr/share/mosquitto/data", 0o644, "x"),
			file("usr/bin/tool", 0o755, "#!/usr/bin/perl\n"), file("usr/bin/tool3", 0o755, "#!/usr/bin/env -S LC_ALL=C python3 -u\n"), file("usr/bin/plain", 0o755, "#!/usr/bin/env sh\n"),
			link("usr/bin/alias", "../sbin/mosquitto")},
		"files": {{Entry: layer.Entry{Path: "srv/bin", Kind: layer.Folder, Mode: 0o755}, source: true}, {Entry: layer.Entry{Path: "srv/bin/own", Kind: layer.RegularFile, Mode: 0o755}, Data: []byte("#!/bin/sh\n"), source: true}},
	} {
		tree, err := wholeTree(tree)
		if err == nil {
			err = inspect(tree, r.Arch)
		}
		if err != nil {
			t.Fatal(err)
		}
		b := built{images.Layer{Name: name}, tree}
		for _, f := range tree {
			if f.indexed() {
				b.Index = append(b.Index, f.Entry)
			}
		}
		all = append(all, b)
	}
	p := r.present(context.Background(), all)
	p.lists = func(name string) bool { return name == "socat" }
	return p
}

func TestWhatServicesStartIsThere(t *testing.T) {
	const absentText = `: service.s.command: nothing brings `
	for _, test := range []struct{ name, command, more, fault, remark string }{
		{"a program of a layer", `"/usr/sbin/mosquitto"`, "", "", ""},
		{"by its name", `"mosquitto"`, "", "", ""},
		{"a link", `"/usr/bin/alias"`, "", "", ""},
		{"merged /usr", `"/sbin/mosquitto"`, "", "", ""},
		{"a command of Bantam's", `"sleep", "1"`, "", "", ""},
		{"by its path", `"/bin/sleep", "1"`, "", "", ""},
		{"where Debian has it", `"/usr/bin/sleep", "1"`, "", "", ""},
		{"in the wrong folder", `"/usr/bin/mosquitto", "-v"`, "", `:2:12` + absentText + `/usr/bin/mosquitto; did you mean "/usr/sbin/mosquitto"?`, ""},
		{"misspelt", `"mosquito"`, "", `:2:12` + absentText + `mosquito; did you mean "mosquitto"?`, ""},
		{"misspelt, a path", `"/usr/sbin/mosquito"`, "", `:2:12` + absentText + `/usr/sbin/mosquito; did you mean "/usr/sbin/mosquitto"?`, ""},
		{"a program of a package of another name", `"/usr/sbin/wpa_supplicant"`, "", `:2:12` + absentText + `/usr/sbin/wpa_supplicant; package wpasupplicant of Debian may have it: add "wpasupplicant" to packages`, ""},
		{"a program of a package that the lists have", `"socat"`, "", `:2:12` + absentText + `socat; package socat of Debian may have it: add "socat" to packages`, ""},
		{"one that nobody knows", `"/bin/frobnicate"`, "", `:2:12` + absentText + `/bin/frobnicate; add the package that has it to packages, or the program itself as [program.frobnicate]`, ""},
		{"one that another service may make", `"/usr/local/bin/x"`, "needs = [\"other\"]\n[service.other]\ncommand = [\"sleep\", \"1\"]\n", "", `:2:12` + absentText + `/usr/local/bin/x; add `},
		{"the network makes none", `"/usr/local/bin/x"`, "needs = [\"network\"]\n", `:2:12` + absentText + `/usr/local/bin/x; add `, ""},
		{"on the state volume", `"/state/bin/x"`, "", "", ""},
		{"in a folder that lasts", `"/var/lib/s/x"`, "state = [\"/var/lib/s\"]\n", "", ""},
		{"where nothing is", `"/opt/x/run"`, "", "", `:2:12: service.s.command: no [file] and no layer brings /opt/x/run; write it as a [file], if no other service makes it`},
		{"with a PATH of its own", `"x"`, "env = { PATH = \"/state/bin:/bin\" }\n", "", ""},
		{"with a PATH that has it not", `"mosquitto"`, "env = { PATH = \"/usr/bin\" }\n", `:2:12` + absentText + `mosquitto; did you mean "/usr/sbin/mosquitto"?`, ""},
		{"no program", `"/usr/share/mosquitto/data", "-v"`, "", `:2:12` + absentText + `/usr/share/mosquitto/data`, ""},
		{"a file of its own", `"/etc/s.sh"`, "[file.\"/etc/s.sh\"]\ntext = \"#!/bin/sh\\n\"\nmode = \"0755\"\n", "", ""},
		{"a file that nobody may start", `"/etc/s.sh"`, "[file.\"/etc/s.sh\"]\ntext = \"#!/bin/sh\\n\"\n", `:2:12: service.s.command: file."/etc/s.sh" has mode 0644, with which nobody may start it; give it mode = "0755"`, ""},
		{"a file for an interpreter that is not there", `"/etc/s.py"`, "[file.\"/etc/s.py\"]\ntext = \"#!/usr/bin/env python3\\n\"\nmode = \"0755\"\n",
			`:2:12: service.s.command: it is a script for python3, which nothing brings; package python3-minimal of Debian may have it: add "python3-minimal" to packages`, ""},
		{"a program of a source", `"/srv/bin/own"`, "[file.\"/srv/bin\"]\nsource = \"bin\"\n", "", ""},
		{"a source that has it not", `"/srv/bin/other"`, "[file.\"/srv/bin\"]\nsource = \"bin\"\n", "", `:2:12: service.s.command: no [file] and no layer brings /srv/bin/other; `},
		{"a script of a package without its interpreter", `"tool"`, "", `:2:12: service.s.command: it is a script for /usr/bin/perl, which nothing brings; package perl-base of Debian may have it: add "perl-base" to packages`, ""},
		{"and behind env", `"/usr/bin/tool3"`, "", `:2:12: service.s.command: it is a script for python3, which nothing brings; `, ""},
		{"a script for Bantam's shell", `"plain"`, "", "", ""},
		{"a name that Bantam has, too", `"tcpdump"`, "", "", `:2:12: service.s.command: tcpdump is Bantam's own; the one of the layers is /usr/sbin/tcpdump`},
		{"and its own path", `"/usr/sbin/tcpdump"`, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "[service.s]\ncommand = [" + test.command + "]\n" + test.more
			faults, remarks := startedLayers(t, request(t, text)).judge()
			for what, c := range map[string]struct {
				got  []system.Problem
				want string
			}{"faults": {faults, test.fault}, "remarks": {remarks, test.remark}} {
				if c.want == "" && len(c.got) > 0 || c.want != "" && (len(c.got) != 1 || !strings.HasPrefix(c.got[0].String(), "system.toml"+c.want)) {
					t.Errorf("%s %v, want %q", what, c.got, c.want)
				}
			}
		})
	}
}

func TestWhatChecksStartIsThere(t *testing.T) {
	faults, _ := startedLayers(t, request(t, "[check.web]\ncommand = [\"curl\", \"-f\", \"http://localhost\"]\n")).judge()
	if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), "system.toml:2:12: check.web.command: nothing brings curl; ") {
		t.Errorf("faults %v", faults)
	}
}

// Without asking anybody a host says only what it is sure of.
func TestCommandsThatThisHostCannotJudge(t *testing.T) {
	for text, want := range map[string]string{
		"[service.s]\ncommand = [\"frobnicate\"]\n":                                                        "nothing brings frobnicate",
		"packages = [\"never-seen\"]\n[service.s]\ncommand = [\"frobnicate\"]\n":                           "",
		"[program.p]\nfile = \"p\"\n[service.s]\ncommand = [\"/usr/bin/p\"]\n":                             "",
		"[file.\"/opt/x\"]\nsource = \"x\"\n[service.s]\ncommand = [\"/opt/x/bin/s\"]\n":                   "",
		"[program.p]\nfile = \"p\"\n[service.s]\ncommand = [\"/usr/bin/q\"]\n[check.c]\ncommand=[\"p\"]\n": "nothing brings /usr/bin/q",
	} {
		r := request(t, text)
		r.Archive = images.Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64"}
		faults, remarks := CommandFaults(context.Background(), r)
		if len(remarks) > 0 || want == "" && len(faults) > 0 || want != "" && (len(faults) != 1 || !strings.Contains(faults[0].String(), want)) {
			t.Errorf("%s: faults %v, remarks %v, want %q", text, faults, remarks, want)
		}
	}
}

func TestCommandsThatBantamHidesAreNamed(t *testing.T) {
	for _, test := range []struct {
		tree []File
		want string
	}{
		{[]File{file("usr/bin/tcpdump", 0o755, "")}, "tcpdump is a command of Bantam's own, also as /bin/tcpdump; this one is /usr/bin/tcpdump"},
		{[]File{file("usr/bin/cat", 0o755, ""), file("usr/bin/cp", 0o755, ""), file("usr/bin/ls", 0o755, ""), link("usr/bin/mv", "x"), file("usr/bin/dir", 0o755, "")},
			"cat, cp, ls and 1 more are commands of Bantam's own, also in /bin; these are /usr/bin/cat and its like"},
		{[]File{file("usr/sbin/mosquitto", 0o755, ""), file("usr/share/ip", 0o644, "")}, ""},
	} {
		c := &contents{Tree: test.tree}
		got := ""
		if programs := c.hiddenPrograms(); len(programs) > 0 {
			got = hidden(programs)
		}
		if got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestLocalesThatLibcWillNotFind(t *testing.T) {
	libc := file("usr/lib/x86_64-linux-gnu/libc.so.6", 0o755, "x")
	for _, test := range []struct {
		name, env string
		tree      []File
		want      string
	}{
		{"one that no layer has", `{ LANG = "C.UTF-8" }`, []File{libc}, `system.toml:3:9: service.s.env.LANG: no layer has locale C.UTF-8; add "libc-bin" to packages`},
		{"one of Debian's locales", `{ LC_ALL = "de_DE.UTF-8" }`, []File{libc}, `system.toml:3:9: service.s.env.LC_ALL: no layer has locale de_DE.UTF-8; libc knows C, and with "libc-bin" in packages C.UTF-8`},
		{"one that is there", `{ LANG = "C.UTF-8" }`, []File{libc, file("usr/lib/locale/C.utf8/LC_CTYPE", 0o644, "")}, ""},
		{"the one that libc knows", `{ LANG = "C", LC_ALL = "POSIX" }`, []File{libc}, ""},
		{"without a libc nobody asks", `{ LANG = "C.UTF-8" }`, nil, ""},
		{"what is none", `{ LANGUAGE = "de" }`, []File{libc}, ""},
	} {
		r := request(t, "[service.s]\ncommand = [\"sleep\", \"1\"]\nenv = "+test.env+"\n")
		r.Arch = "amd64"
		b := built{tree: test.tree}
		for _, f := range test.tree {
			b.Index = append(b.Index, f.Entry)
		}
		_, remarks := r.present(context.Background(), []built{b}).judge()
		if test.want == "" && len(remarks) > 0 || test.want != "" && (len(remarks) != 1 || remarks[0].String() != test.want) {
			t.Errorf("%s: %v, want %q", test.name, remarks, test.want)
		}
	}
}
