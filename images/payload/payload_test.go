package payload

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
)

// request is one for a system.toml without faults.
func request(t *testing.T, text string) Request {
	t.Helper()
	sys, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return Request{File: "system.toml", Text: []byte(text), System: sys, Arch: runtime.GOARCH, Cache: images.Cache{Dir: t.TempDir()}}
}

func TestLayerHasItsIndexAtItsRoot(t *testing.T) {
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, "")
	tree := []File{
		{Entry: layer.Entry{Path: "usr/bin/shell", Kind: layer.RegularFile, Mode: 0o755}, Host: shell},
		file("usr/bin/script", 0o755, "#! /usr/bin/perl -w\n"),
		file("usr/lib/damaged.so", 0o644, "\x7fELF"),
		file("usr/share/data", 0o644, "#!/bin/sh\n"),
		file("etc/a", 0o600, "a"),
		link("usr/lib/b", "c"),
	}
	b, err := r.build(context.Background(), images.Layer{Name: "program/x"}, tree)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(b.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	index, err := layer.ReadTail(f, b.Size)
	if err != nil || !bytes.Equal(index.Encode(), b.Index.Encode()) {
		t.Errorf("index %q, %v; want %q", index.Encode(), err, b.Index.Encode())
	}
	var paths []string
	for _, e := range index {
		paths = append(paths, e.Path)
	}
	if got, want := strings.Join(paths, " "), "etc etc/a usr/bin/script usr/bin/shell usr/lib/b"; got != want {
		t.Errorf("the index lists %q, want %q", got, want)
	}
	if e := index.Find("usr/bin/shell"); e == nil || !strings.Contains(e.Interpreter, "ld-linux") || len(e.Needs) == 0 || len(e.SHA256) != 64 {
		t.Errorf("the shell is %+v", e)
	}
	if e := index.Find("usr/bin/script"); e == nil || e.Interpreter != "/usr/bin/perl" {
		t.Errorf("the script is %+v", e)
	}
}

func TestPathsOfTwoLayers(t *testing.T) {
	layerOf := func(name string, for_ string, tree ...File) built {
		t.Helper()
		tree, err := wholeTree(tree)
		if err != nil {
			t.Fatal(err)
		}
		return built{images.Layer{Name: name, Version: "1.0", For: strings.Fields(for_)}, tree}
	}
	one := layerOf("package/one", "package/one", file("usr/bin/x", 0o755, "one"), file("etc/same", 0o644, "same"), link("usr/lib/l", "m"))
	r := request(t, "packages = [\"one\", \"two\"]\n[program.three]\nfile = \"x\"\n")
	for _, test := range []struct {
		name  string
		other built
		want  string // "" is no fault
	}{
		{"folders are shared", layerOf("package/two", "package/two", file("usr/bin/y", 0o755, "y"), folder("etc", 0o700)), ""},
		{"equal files and links, too", layerOf("package/two", "package/two", file("etc/same", 0o644, "same"), link("usr/lib/l", "m")), ""},
		{"other bytes", layerOf("package/two", "package/two", file("usr/bin/x", 0o755, "two")),
			"system.toml:1:20: /usr/bin/x is in package one 1.0 and in package two 1.0; leave one of them out, or that file by exclude"},
		{"another link", layerOf("package/lib", "package/two", link("usr/lib/l", "n")),
			"system.toml:1:20: /usr/lib/l is in package one 1.0 and in package lib 1.0 (for two); leave one of them out, or that file by exclude"},
		{"a folder for a file", layerOf("program/three", "program/three", file("usr/bin/x/y", 0o755, "two")),
			"system.toml:2:10: /usr/bin/x is in package one 1.0 and in program three 1.0; leave one of them out, or that file by exclude"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := r.clashes([]built{one, test.other})
			if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
				t.Errorf("got  %v\nwant %v", err, test.want)
			}
		})
	}
}

func TestRunPaths(t *testing.T) {
	got := spellOut([]string{"$ORIGIN/../lib:/usr/lib/x/", "${ORIGIN}:relative:$LIB/y:"}, "/usr/lib/program")
	if want := "/usr/lib/lib /usr/lib/x /usr/lib/program"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
