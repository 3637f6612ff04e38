package lock

import (
	"slices"
	"strings"
	"testing"
)

// ask does what a build of pc does that finds version 99 of what the lock does not say.
func ask(in *Inputs, names ...string) (versions []string) {
	for _, name := range names {
		p, ok := in.Package("amd64", name)
		if !ok {
			p = pkg("99", digestB)
			if _, version, pinned := strings.Cut(name, "="); pinned {
				p = pkg(version, digestB)
			}
			in.AddPackage("amd64", name, p)
		}
		versions = append(versions, p.Version)
	}
	return versions
}

func TestWhatALockSays(t *testing.T) {
	base := File{
		"pc": {Release: "bookworm", Packages: map[Name]Package{
			{"amd64", "a"}: pkg("1", digestA), {"amd64", "b"}: pkg("2", digestA), {"arm64", "tool"}: pkg("3", digestA),
		}, Programs: map[string]Program{"p": {Go: "x@v1.0.0", Toolchain: "go1.26.8"}}},
		"other": {Release: "trixie", Packages: map[Name]Package{{"amd64", "a"}: pkg("9", digestA)}},
	}
	for name, c := range map[string]struct {
		update   Update
		asked    []string
		versions []string
		changes  []string
	}{
		"the same":                          {Update{}, []string{"a", "b"}, []string{"1", "2"}, nil},
		"one more":                          {Update{}, []string{"a", "b", "c"}, []string{"1", "2", "99"}, []string{"c amd64: 99"}},
		"one less":                          {Update{}, []string{"a"}, []string{"1"}, []string{"b amd64: 2 -> none"}},
		"one renewed":                       {Update{Names: []string{"b"}}, []string{"a", "b"}, []string{"1", "99"}, []string{"b amd64: 2 -> 99"}},
		"all renewed":                       {Update{All: true}, []string{"a", "b"}, []string{"99", "99"}, []string{"a amd64: 1 -> 99", "b amd64: 2 -> 99"}},
		"asked twice":                       {Update{All: true}, []string{"a", "b", "a"}, []string{"99", "99", "99"}, []string{"a amd64: 1 -> 99", "b amd64: 2 -> 99"}},
		"a version that it says":            {Update{}, []string{"a=1", "b"}, []string{"1", "2"}, nil},
		"a version that it does not say":    {Update{}, []string{"a=5", "b"}, []string{"5", "2"}, []string{"a amd64: 1 -> 5"}},
		"a version, then any":               {Update{}, []string{"a=5", "b", "a"}, []string{"5", "2", "5"}, []string{"a amd64: 1 -> 5"}},
		"nothing of an architecture at all": {Update{}, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, locked := range []bool{false, true} {
				in, err := Use("l", base, "pc", c.update, locked)
				if err != nil {
					t.Fatal(err)
				}
				release, err := in.Release("")
				if err != nil || release != "bookworm" {
					t.Errorf("release %q, %v", release, err)
				}
				in.SetRelease(release)
				if p, ok := in.Program("p", "x@v1.0.0", ""); !ok { // the program has its own way
					in.AddProgram("p", Program{Go: "x@v1.0.0", Toolchain: "go1.26.8"})
				} else if p.Toolchain != "go1.26.8" {
					t.Errorf("program %+v", p)
				}
				if got := ask(in, c.asked...); !slices.Equal(got, c.versions) {
					t.Errorf("versions %q, want %q", got, c.versions)
				}
				text, changes, err := in.Finish()
				if !slices.Equal(changes, c.changes) {
					t.Errorf("changes %q, want %q", changes, c.changes)
				}
				if locked && len(c.changes) > 0 {
					if err == nil || !strings.Contains(err.Error(), c.changes[0]) || text != nil {
						t.Errorf("locked: %v, writes %q", err, text)
					}
					continue
				}
				if err != nil || (text == nil) != (len(c.changes) == 0) {
					t.Errorf("%v, writes %q", err, text)
				}
				if text == nil {
					continue
				}
				f, err := Read("l", text)
				if err != nil {
					t.Fatal(err)
				}
				if got := f["other"].Packages[Name{"amd64", "a"}]; got != base["other"].Packages[Name{"amd64", "a"}] {
					t.Errorf("the other board's is %+v now", got)
				}
				if got := f["pc"].Packages[Name{"arm64", "tool"}]; got != pkg("3", digestA) {
					t.Errorf("the tool for other hosts is %+v now", got)
				}
			}
		})
	}
}

func TestAnUpdateOfWhatIsNotThere(t *testing.T) {
	f := File{"pc": {Packages: map[Name]Package{{"amd64", "mosquitto"}: pkg("1", digestA)}, Programs: map[string]Program{"sensor": {}}}}
	for name, want := range map[string]string{
		"mosquitto": "", "sensor": "",
		"mosqitto": `system.lock has no mosqitto for board pc; did you mean "mosquitto"?`,
		"x":        "system.lock has no x for board pc",
	} {
		_, err := Use("system.lock", f, "pc", Update{Names: []string{name}}, false)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestALocksReleaseIsLeftByAnUpdateAlone(t *testing.T) {
	f := File{"pc": {Release: "bookworm"}}
	for _, c := range []struct {
		all         File
		update      bool
		wanted, got string
		refused     bool
	}{
		{f, false, "", "bookworm", false},
		{f, false, "bookworm", "bookworm", false},
		{f, false, "trixie", "", true},
		{f, true, "trixie", "trixie", false},
		{f, true, "", "bookworm", false},
		{File{}, false, "", "", false},
		{File{}, false, "trixie", "trixie", false},
	} {
		in, err := Use("l", c.all, "pc", Update{All: c.update}, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := in.Release(c.wanted); got != c.got || (err != nil) != c.refused {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

// A kernel that was asked for is kept until another is; what the lock says otherwise is none of its business.
func TestAKernelIsKeptUntilAnotherIsAskedFor(t *testing.T) {
	const own, later = "linux-image-amd64", "linux-image-6.12-amd64"
	none, kept := File{"pc": {Release: "bookworm"}}, File{"pc": {Release: "bookworm", Kernel: later}}
	for name, c := range map[string]struct {
		all         File
		update      Update
		wanted, got string
		changes     []string
	}{
		"none was asked for":           {none, Update{}, "", own, nil},
		"the board's own":              {none, Update{}, own, own, nil},
		"the board's own in a version": {none, Update{}, own + "=6.1.1-1", own + "=6.1.1-1", nil},
		"another":                      {none, Update{}, later, later, []string{"kernel: the board's own -> " + later}},
		"another in a version":         {none, Update{}, later + "=6.12.1-1", later + "=6.12.1-1", []string{"kernel: the board's own -> " + later}},
		"later":                        {kept, Update{}, "", later, nil},
		"later, said once more":        {kept, Update{}, later, later, nil},
		"later, in a version":          {kept, Update{}, later + "=6.12.1-1", later + "=6.12.1-1", nil},
		"an update of everything":      {kept, Update{All: true}, "", later, nil},
		"a third":                      {kept, Update{}, "linux-image-6.1.0-1-amd64", "linux-image-6.1.0-1-amd64", []string{"kernel: " + later + " -> linux-image-6.1.0-1-amd64"}},
		"back":                         {kept, Update{}, own, own, []string{"kernel: " + later + " -> the board's own"}},
		"back to a version":            {kept, Update{}, own + "=6.1.1-1", own + "=6.1.1-1", []string{"kernel: " + later + " -> the board's own"}},
	} {
		for _, locked := range []bool{false, true} {
			in, err := Use("l", c.all, "pc", c.update, locked)
			if err != nil {
				t.Fatal(err)
			}
			in.SetRelease("bookworm")
			if got := in.Kernel(c.wanted, own); got != c.got {
				t.Errorf("%s: %q, want %q", name, got, c.got)
			}
			text, changes, err := in.Finish()
			if !slices.Equal(changes, c.changes) {
				t.Errorf("%s: changes %q, want %q", name, changes, c.changes)
			}
			if refused := locked && len(c.changes) > 0; (err != nil) != refused || refused && !strings.Contains(err.Error(), c.changes[0]) {
				t.Errorf("%s, locked %v: %v", name, locked, err)
			}
			if text == nil {
				continue
			}
			want, _, _ := strings.Cut(c.got, "=")
			if want == own {
				want = ""
			}
			if f, err := Read("l", text); err != nil || f["pc"].Kernel != want {
				t.Errorf("%s: kept as\n%s%v", name, text, err)
			}
		}
	}
}

func TestWithoutALockNothingIsSaidAndNothingKept(t *testing.T) {
	var in *Inputs
	in.AddPackage("amd64", "a", pkg("1", digestA))
	in.SetDevice(digestA)
	if got := in.Kernel("", "own") + in.Kernel("wanted", "own"); got != "ownwanted" {
		t.Errorf("kernels %q", got)
	}
	if _, ok := in.Package("amd64", "a"); ok {
		t.Error("a package was kept")
	}
	if text, changes, err := in.Finish(); text != nil || changes != nil || err != nil {
		t.Error(text, changes, err)
	}
	if err := in.Refuse("which a (amd64) to take"); err != nil {
		t.Error(err)
	}
}
