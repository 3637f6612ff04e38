package board

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEveryBoardLoads(t *testing.T) {
	if got := Names(); !slices.Contains(got, "pc") || !slices.Contains(got, "qemu-arm64") {
		t.Fatalf("Names() = %v, want pc and qemu-arm64 among them", got)
	}
	for _, name := range Names() {
		b, err := Load(name)
		if err != nil {
			t.Error(err)
		}
		if b.Name != name {
			t.Errorf("Load(%q).Name = %q", name, b.Name)
		}
		if sorted := slices.Sorted(slices.Values(b.Modules)); len(slices.Compact(sorted)) != len(b.Modules) {
			t.Errorf("board %s names a module twice", name)
		}
		if !strings.Contains(b.Cmdline, "panic=") {
			t.Errorf("board %s: a panic would halt it for ever: no panic= in %q", name, b.Cmdline)
		}
		if !slices.Contains(strings.Fields(b.Cmdline), "quiet") {
			t.Errorf("board %s: the kernel's log would run over its consoles: no quiet in %q", name, b.Cmdline)
		}
	}
}

func TestBadBoardsAreRefused(t *testing.T) {
	good, err := files.ReadFile("pc.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, board, text string
		want              []string
	}{
		{"an unknown board lists those there are", "toaster", "", []string{`no board "toaster"; there are mine`}},
		{"a path is not a board", "../mine", "", []string{`no board "../mine"`}},
		{"an unknown key is named", "mine", "colour = 1\n" + string(good), []string{"mine.toml: unknown key colour"}},
		{"an unknown way to boot lists the known ones", "mine", strings.Replace(string(good), `"hybrid"`, `"magic"`, 1), []string{`boot = "magic"; it may be "hybrid", "efi-grub" or "u-boot"`}},
		{"all that is missing is named at once", "mine", "arch = \"amd64\"", []string{"description is missing", "qemu.memory is missing", "image_limit is missing"}},
		{"U-Boot is a file on the host", "mine", strings.Replace(string(good), `"hybrid"`, `"u-boot"`, 1), []string{"mine.toml: qemu.u_boot is missing"}},
		{"broken TOML says where", "mine", "arch = ", []string{"mine.toml", "line 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(fstest.MapFS{"mine.toml": {Data: []byte(test.text)}}, test.board)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
