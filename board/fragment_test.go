package board

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryFragmentIsOneAndSaysWhy(t *testing.T) {
	if got := Fragments(); !slices.Contains(got, "base") || !slices.Contains(got, "flash") {
		t.Fatalf("Fragments() = %v", got)
	}
	for _, name := range Fragments() {
		options, err := Board{Kernel: OwnKernel{Fragments: []string{name}}}.Configuration()
		if err != nil || len(options) == 0 {
			t.Errorf("%s: %d options, %v", name, len(options), err)
		}
		for _, o := range options {
			if o.Why == "" || o.From != name {
				t.Errorf("%s: %+v does not say why", name, o)
			}
		}
	}
	for _, name := range Names() {
		b, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		options, err := b.Configuration()
		if err != nil || b.Kernel.Build != "" && len(options) == 0 {
			t.Errorf("board %s: %d options, %v", name, len(options), err)
		}
		for _, o := range options {
			if o.Why == "" {
				t.Errorf("board %s: %s does not say why", name, o.Name)
			}
		}
	}
}

func TestFragmentsAreReadLineByLine(t *testing.T) {
	for _, test := range []struct {
		claim, text string
		want        []Option
		fault       string
	}{
		{"nothing", "", nil, ""},
		{"text for people", "# CONFIG_A=y\n\n  # more\n", nil, ""},
		{"an option and why", "CONFIG_A=y   # is # wanted\n", []Option{{"CONFIG_A", "y", "is # wanted", "net"}}, ""},
		{"without a reason, and no end of line", "CONFIG_a_1=m", []Option{{"CONFIG_a_1", "m", "", "net"}}, ""},
		{"numbers and texts", "CONFIG_A=-5\nCONFIG_B=0x80000000\nCONFIG_C=\"-x y\"\n", []Option{{"CONFIG_A", "-5", "", "net"}, {"CONFIG_B", "0x80000000", "", "net"}, {"CONFIG_C", `"-x y"`, "", "net"}}, ""},
		{"no option", "\nNET=y\n", nil, `net, line 2: "NET=y" is no option`},
		{"as .config says that one is not set", "CONFIG_A is not set\n", nil, `"CONFIG_A is not set" is no option`},
		{"a name with a blank", "CONFIG_A =y\n", nil, "is no option"},
		{"no value", "CONFIG_A=\n", nil, `net, line 1: CONFIG_A: "" is no value`},
		{"a value that is none", "CONFIG_A=yes\n", nil, `CONFIG_A: "yes" is no value; it may be y, m, n, a number, or a text in quotes`},
		{"a text that does not end", "CONFIG_A=\"x\n", nil, "is no value"},
		{"a text with a quote in it", `CONFIG_A="x"y"`, nil, "is no value"},
		{"twice", "CONFIG_A=y\nCONFIG_A=n\n", nil, "net, line 2: CONFIG_A is there twice"},
	} {
		got, err := parseFragment("net", test.text)
		switch {
		case test.fault != "":
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: %v, want %q", test.claim, err, test.fault)
			}
		case err != nil || !slices.Equal(got, test.want):
			t.Errorf("%s: %v, %v; want %v", test.claim, got, err, test.want)
		}
	}
}

func TestTheLastWordOnAnOptionCounts(t *testing.T) {
	b := Board{Name: "mine", Kernel: OwnKernel{Fragments: []string{"base", "net"}, Options: "CONFIG_KALLSYMS=y # names\nCONFIG_MINE=y # own\n"}}
	all, err := b.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all); all[n-2] != (Option{"CONFIG_KALLSYMS", "y", "names", "mine"}) || all[n-1].Name != "CONFIG_MINE" {
		t.Errorf("it ends with %v", all[n-2:])
	}
	for i, o := range all {
		if slices.ContainsFunc(all[:i], func(earlier Option) bool { return earlier.Name == o.Name }) {
			t.Errorf("%s stands there twice", o.Name)
		}
	}
	if b.Kernel.Fragments = []string{"nte"}; true {
		if _, err := b.Configuration(); err == nil || !strings.Contains(err.Error(), `no fragment "nte"; did you mean "net"?`) {
			t.Errorf("a slip: %v", err)
		}
	}
	b.Kernel.Fragments = []string{"../board"}
	if _, err := b.Configuration(); err == nil || !strings.Contains(err.Error(), "there are ath79, base, flash, mt7621, net") {
		t.Errorf("a path: %v", err)
	}
}

func FuzzFragment(f *testing.F) {
	for _, name := range Fragments() {
		text, err := fragmentFiles.ReadFile("kernel/" + name + fragmentEnding)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		options, err := parseFragment("x", text)
		if err != nil {
			return
		}
		var written strings.Builder
		for _, o := range options {
			written.WriteString(o.Name + "=" + o.Value + "\n")
		}
		again, err := parseFragment("x", written.String())
		if err != nil || len(again) != len(options) {
			t.Errorf("%q is read as %v, and that as %v, %v", text, options, again, err)
		}
	})
}
