package system

import (
	"reflect"
	"slices"
	"testing"
)

func TestRightsAndLimitsAreRead(t *testing.T) {
	s := parse(t, `
[service.limited]
command = ["x"]
user = "nobody"
capabilities = ["net_bind_service", "chown"]
memory = "64M"
tasks = 500
[service.none]
command = ["x"]
capabilities = []
[service.all]
command = ["x"]
[check.c]
command = ["x"]
user = "nobody"
[check.root]
command = ["x"]
`)
	limited := s.Services["limited"]
	for _, c := range []struct {
		claim     string
		got, want any
	}{
		{"capabilities by the kernel's numbers", limited.Capabilities.Numbers(), []int{10, 0}},
		{"an empty list is none", s.Services["none"].Capabilities.Numbers(), []int{}},
		{"no list leaves it to the user", s.Services["all"].Capabilities.Numbers(), []int(nil)},
		{"the last capability has its number", Capabilities{"checkpoint_restore"}.Numbers(), []int{40}},
		{"memory in bytes", limited.Memory, Size(64 << 20)},
		{"tasks", limited.Tasks, 500},
		{"no limits of its own", s.Services["all"].Memory, Size(0)},
		{"a check's user", s.Checks["c"].User, "nobody"},
		{"a check runs as root", s.Checks["root"].User, "root"},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.claim, c.got, c.want)
		}
	}
}

func TestAChangeOfRightsAndLimitsIsADifference(t *testing.T) {
	const head = "[service.a]\ncommand = [\"x\"]\n"
	for _, c := range []struct{ from, to, want string }{
		{"", "capabilities = []", `service.a.capabilities: (not set) -> []`},
		{"capabilities = []", "", `service.a.capabilities: [] -> (not set)`},
		{"capabilities = [\"chown\"]", "capabilities = []", `service.a.capabilities: ["chown"] -> []`},
		{"", "memory = \"64M\"", `service.a.memory: (not set) -> "64M"`},
		{"memory = \"1024M\"", "memory = \"2G\"", `service.a.memory: "1G" -> "2G"`},
		{"memory = \"1024M\"", "memory = \"1G\"", ""},
		{"tasks = 16", "", `service.a.tasks: 16 -> (not set)`},
		{"needs = []", "", ""},
	} {
		var got string
		for _, change := range Diff(parse(t, head+c.from), parse(t, head+c.to)) {
			got += change.String()
		}
		if got != c.want {
			t.Errorf("%s to %s: got %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func TestSizesPrintAsShortAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		text, want string
		size       Size
	}{
		{"4M", "4M", 4 << 20}, {"65536K", "64M", 64 << 20}, {"1G", "1G", 1 << 30}, {"1025M", "1025M", 1025 << 20},
		{"5000K", "5000K", 5000 << 10}, {"8388607G", "8388607G", 8388607 << 30},
	} {
		var s Size
		if err := s.UnmarshalText([]byte(c.text)); err != nil || s != c.size || s.String() != c.want {
			t.Errorf("%s: %d, prints as %s, %v", c.text, s, s, err)
		}
	}
	for _, text := range []string{"", "M", "64", "64m", "64MB", "64MM", "64 M", "-1M", "+1M", "1.5M", "0x1M", "8589934592G", "99999999999999999999K"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, s)
		}
	}
}

func TestAServiceWithoutUserIsRemarkedOn(t *testing.T) {
	const file = `[service.open]
command = ["x"]
[service.nobody]
command = ["x"]
user = "nobody"
[service.meant]
command = ["x"]
user = "root"
[service.bounded]
command = ["x"]
capabilities = []
[service]
inline = { command = ["x"] }
`
	var got []string
	for _, p := range Remarks("f", []byte(file)) {
		got = append(got, p.String())
	}
	const rest = `it runs as root with all rights; write user = "nobody" or the name of a [user.NAME], or user = "root" if that is meant`
	want := []string{
		"f:1:10: remark: service.open has no user: " + rest,
		"f:13:1: remark: service.inline has no user: " + rest,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if remarks := Remarks("f", []byte(file+"x = ")); remarks != nil {
		t.Errorf("a file with faults: %v", remarks)
	}
}
