package images

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bantam/layer"
	"bantam/switcher"
	"bantam/system"
)

// storedLayer is a layer of files: path, "path -> target", or "path: interpreter or - and the libraries that it needs".
func storedLayer(name, by string, files ...string) stored {
	l := stored{Descriptor: switcher.Descriptor{Annotations: map[string]string{switcher.LayerAnnotation: name, switcher.ForAnnotation: by, switcher.VersionAnnotation: "1"}}}
	for _, text := range files {
		file, target, isLink := strings.Cut(text, " -> ")
		file, loads, isELF := strings.Cut(file, ": ")
		e := layer.Entry{Path: file, Kind: layer.RegularFile, Mode: 0o755}
		switch {
		case isLink:
			e.Kind, e.Link, e.Mode = layer.Link, target, 0
		case isELF:
			words := strings.Fields(loads)
			if e.Needs = words[1:]; words[0] != "-" {
				e.Interpreter = words[0]
			}
		}
		if isLink || isELF {
			l.index = append(l.index, e)
		}
		l.files = append(l.files, file)
	}
	slices.SortFunc(l.index, func(a, b layer.Entry) int { return strings.Compare(a.Path, b.Path) })
	return l
}

func TestWhyAFileIsThere(t *testing.T) {
	const lib = "usr/lib/x86_64-linux-gnu/"
	layers := []stored{
		storedLayer("files", "files", "srv", "srv/www", "srv/www/index.html"),
		storedLayer("package/app", "package/app", "usr", "usr/sbin/app: /lib64/ld.so liba.so.1 libc.so.6", "usr/share/app/data"),
		storedLayer("package/libc6", "package/app package/tool program/own", "usr", lib+"libc.so.6: -", lib+"ld.so: -", "usr/lib64/ld.so -> /lib/x86_64-linux-gnu/ld.so", lib+"libm.so.6: - libc.so.6"),
		storedLayer("package/liba1", "package/app", lib+"liba.so.1 -> liba.so.1.2", lib+"liba.so.1.2: - libb.so.1 libc.so.6"),
		storedLayer("package/libb1", "package/app package/tool", lib+"libb.so.1: - libc.so.6", lib+"broken -> nowhere", "usr/share/libb"),
		storedLayer("package/tool", "package/tool", "usr/bin/tool: /lib64/ld.so libb.so.1"),
		storedLayer("program/own", "program/own", "usr/bin/own: /lib64/ld.so libc.so.6"),
	}
	sys, problems := system.Parse("", []byte("[file.\"/etc/app.conf\"]\ntext = \"x\"\n[file.\"/srv/www\"]\nsource = \"site\"\n"+
		"[service.web]\ncommand = [\"/usr/sbin/app\", \"-f\"]\n[service.sh]\ncommand = [\"sh\", \"-c\", \"exec /usr/sbin/app\"]\n[service.own]\ncommand = [\"own\"]\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, want := range map[string][]string{
		"/usr/sbin/app":         {"/usr/sbin/app in package/app for package/app [] program of sh, web;"},
		"tool":                  {"/usr/bin/tool in package/tool for package/tool [] program of ;"},
		"own":                   {"/usr/bin/own in program/own for program/own [] program of own;"},
		"/sbin/app":             {"/usr/sbin/app in package/app for package/app []"},
		"/usr/share/app/data":   {"/usr/share/app/data in package/app for package/app [];"},
		"/srv/www/index.html":   {"/srv/www/index.html in files for files []"},
		"/etc/app.conf":         {"/etc/app.conf of file.\"/etc/app.conf\""},
		"/usr/share/libb":       {"/usr/share/libb in package/libb1 for package/app [], package/tool []"},
		"/" + lib + "broken":    {"/" + lib + "broken -> /" + lib + "nowhere in package/libb1 for package/app [], package/tool []"},
		"/" + lib + "libb.so.1": {"/" + lib + "libb.so.1 in package/libb1 for package/app [/usr/sbin/app liba.so.1 /" + lib + "liba.so.1.2 libb.so.1], package/tool [/usr/bin/tool libb.so.1];"},
		"liba.so.1":             {"/" + lib + "liba.so.1 -> /" + lib + "liba.so.1.2 in package/liba1 for package/app [/usr/sbin/app liba.so.1]"},
		"/lib64/ld.so":          {"/usr/lib64/ld.so -> /" + lib + "ld.so in package/libc6 for package/app [/usr/sbin/app /lib64/ld.so], package/tool [/usr/bin/tool /lib64/ld.so], program/own [/usr/bin/own /lib64/ld.so]"},
		"/" + lib + "libm.so.6": {"/" + lib + "libm.so.6 in package/libc6 for package/app [], package/tool [], program/own []"},
		"/usr":                  {"/usr in package/app for package/app [] also package/libc6"},
		"ld.so":                 {"/" + lib + "ld.so", "/usr/lib64/ld.so"},
		"/bin/sh":               nil,
		"sh":                    nil,
		"/usr/sbin/app/":        {"/usr/sbin/app in package/app"},
	} {
		var got []string
		for _, r := range reasonsOf(sys, layers, layer.Folders("amd64"), name) {
			text := r.Path
			if r.Link != "" {
				text += " -> " + r.Link
			}
			if r.Text != "" {
				got = append(got, text+" of "+r.Text)
				continue
			}
			var asked []string
			for _, a := range r.For {
				var chain []string
				for _, s := range a.Chain {
					chain = append(chain, s.File, s.Loads)
				}
				asked = append(asked, fmt.Sprint(a.Entry, " ", chain))
			}
			text += " in " + r.Layer + " for " + strings.Join(asked, ", ")
			if len(r.Shared) > 0 {
				text += " also " + strings.Join(r.Shared, ", ")
			}
			if r.Program {
				text += " program of " + strings.Join(r.Starts, ", ")
			}
			got = append(got, text+";")
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	if near := nearest(layers, "/usr/sbin/ap"); near != "/usr/sbin/app" {
		t.Errorf("near is %q", near)
	}
}
