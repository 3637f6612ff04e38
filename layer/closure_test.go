package layer

import (
	"slices"
	"testing"
)

func TestTheClosureOfAProgram(t *testing.T) {
	const loader = "/lib64/ld-linux-x86-64.so.2"
	libs := Folders("amd64")
	tree := Tree{
		{ // libc
			{Path: "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", SHA256: "loader"},
			{Path: "usr/lib/x86_64-linux-gnu/libc.so.6", SHA256: "libc", Loads: Loads{Needs: []string{"ld-linux-x86-64.so.2"}}},
			{Path: "usr/lib64/ld-linux-x86-64.so.2", Kind: Link, Link: "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"},
		},
		{ // a library below a link
			{Path: "usr/lib/x86_64-linux-gnu/libdep.so.1", Kind: Link, Link: "libdep.so.1.2"},
			{Path: "usr/lib/x86_64-linux-gnu/libdep.so.1.2", SHA256: "dep", Loads: Loads{Needs: []string{"libc.so.6"}}},
		},
		{
			{Path: "usr/bin/tool", Kind: Link, Link: "../lib/app/tool"},
			{Path: "usr/lib/app/libown.so", SHA256: "own", Loads: Loads{Needs: []string{"libabsent.so"}}},
			{Path: "usr/lib/app/script", SHA256: "script", Loads: Loads{Interpreter: "/usr/bin/tool"}},
			{Path: "usr/lib/app/tool", SHA256: "tool", Loads: Loads{Interpreter: loader, Needs: []string{"libdep.so.1", "libown.so", "libc.so.6"}, RunPath: []string{"/usr/lib/app"}}},
			{Path: "usr/share/alias", Kind: Link, Link: "/usr/lib/app"},
			{Path: "usr/share/loop", Kind: Link, Link: "loop"},
		},
	}
	whole := []string{"tool", "loader", "dep", "own", "libc"}
	for program, want := range map[string][]string{
		"/usr/bin/tool":           whole,
		"/bin/tool":               whole, // merged /usr
		"/usr/share/alias/tool":   whole,
		"/usr/lib/app/script":     append([]string{"script"}, whole...),
		"/usr/share/loop":         nil,
		"/usr/lib/app/tool/below": nil,
		"/usr/bin/other":          nil,
	} {
		entries, lacking := tree.Closure(program, libs)
		var got []string
		for _, e := range entries {
			got = append(got, e.SHA256)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", program, got, want)
		}
		if want != nil && !slices.Equal(lacking, []string{"libabsent.so"}) {
			t.Errorf("%s: lacking %v", program, lacking)
		}
	}
}
