package pid1

import (
	"slices"
	"strings"
	"testing"
)

func TestConsolesAreQuietUnlessTheCommandLineSaysHowLoud(t *testing.T) {
	for text, want := range map[string]string{
		"console=ttyS0 quiet panic=10":    "4",
		"console=ttyS0 panic=10":          "4",
		"quiet loglevel=7":                "",
		"debug console=ttyS0":             "",
		"ignore_loglevel":                 "",
		"bantam.disk=debug nodebug quiet": "4",
	} {
		if got := quietConsole(ParseCmdline(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseCmdline(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Cmdline
	}{
		{"words", "BOOT_IMAGE=/vmlinuz console=tty0 console=ttyS0,115200 quiet\n", Cmdline{"BOOT_IMAGE=/vmlinuz", "console=tty0", "console=ttyS0,115200", "quiet"}},
		{"a quoted value", `a.b="x y" c`, Cmdline{"a.b=x y", "c"}},
		{"a quoted word", `"a=x y" c`, Cmdline{"a=x y", "c"}},
		{"a quote inside stays", `a=x"y z"`, Cmdline{`a=x"y z"`}},
		{"a quote that never ends", `a="x y`, Cmdline{"a=x y"}},
		{"blanks of all kinds", "\t a \n\n b ", Cmdline{"a", "b"}},
		{"nothing", "\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ParseCmdline(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCmdlineGet(t *testing.T) {
	c := ParseCmdline("bantam.state=disk quiet bantam.state=memory x-y=1")
	for _, tt := range []struct {
		name, key, want string
		ok              bool
	}{
		{"the last one wins", "bantam.state", "memory", true},
		{"a word without value", "quiet", "", true},
		{"dash and underscore are the same", "x_y", "1", true},
		{"a word that is not there", "bantam", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := c.Get(tt.key); got != tt.want || ok != tt.ok {
				t.Errorf("Get(%q) = %q, %v, want %q, %v", tt.key, got, ok, tt.want, tt.ok)
			}
		})
	}
}

// Without quotes it is strings.Fields; with them no byte but quotes and blanks is lost.
func FuzzParseCmdline(f *testing.F) {
	f.Add("a b=c  d\n")
	f.Add(`a="b c" "d e" f"`)
	f.Fuzz(func(t *testing.T, text string) {
		got := ParseCmdline(text)
		for _, r := range text {
			if r >= 0x80 {
				return // strings.Fields knows more blanks than the kernel
			}
		}
		if !strings.Contains(text, `"`) && !slices.Equal(got, strings.Fields(text)) {
			t.Errorf("%q: got %q, want %q", text, got, strings.Fields(text))
		}
		strip := strings.NewReplacer(`"`, "", " ", "", "\t", "", "\n", "", "\r", "", "\v", "", "\f", "")
		if a, b := strip.Replace(strings.Join(got, "")), strip.Replace(text); a != b {
			t.Errorf("%q: words hold %q, want %q", text, a, b)
		}
	})
}
