package system

import (
	"fmt"
	"strings"
	"testing"
)

// lines is a file of about n lines in which services wait for each other.
func lines(n int) string {
	var b strings.Builder
	b.WriteString("hostname = \"router\"\n\n[net.eth0]\naddresses = [\"192.168.1.2/24\"]\n\n[user.web]\nuid = 1000\n")
	for i := 0; i*10 < n; i++ {
		fmt.Fprintf(&b, `
# Service number %d.
[service.s%d]
command = ["/bin/s", "--number", "%d"]
user = "web"
env = { LANG = "C.UTF-8" }
needs = ["network"%s]
restart = "always"
ready = "tcp/%d"
`, i, i, i, map[bool]string{true: fmt.Sprintf(`, "s%d"`, i-1)}[i > 0], i+1)
	}
	return b.String()
}

// repeat writes n lines; a format gets the number, and its high and low byte.
func repeat(n int, line func(i, high, low int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i, i>>8, i&255) + "\n")
	}
	return b.String()
}

// Check runs while somebody types, on slow machines as well.
func BenchmarkParse(b *testing.B) {
	cases := []struct{ claim, text string }{
		{"200 lines", lines(200)},
		{"2000 lines", lines(2000)},
		{"20000 lines", lines(20000)},
		{"2000 lines, one array is open", "modules = [\n" + lines(2000)},
		{"2000 lines, one string is open", "x = \"\"\"\n" + lines(2000)},
		{"2000 lines, every array is open", strings.ReplaceAll(lines(2000), "]\nuser", "\nuser")},
		{"2000 lines, every key unknown", strings.ReplaceAll(lines(2000), "restart", "rotsart")},
		{"2000 lines, every table unknown", strings.ReplaceAll(lines(2000), "service", "sorvice")},
		{"2000 lines, every need unknown", strings.ReplaceAll(lines(2000), "network", "netwrok")},
		{"20000 lines, every need unknown", strings.ReplaceAll(lines(20000), "network", "netwrok")},
		{"20000 lines, every user unknown", strings.ReplaceAll(lines(20000), "user = \"web", "user = \"wbe")},
		{"20000 lines, all wait in circles", strings.ReplaceAll(lines(20000), "\"network\"", "\"s1999\"")},
		{"5000 users without number", repeat(5000, func(i, _, _ int) string { return fmt.Sprintf("[user.u%d]", i) })},
		{"5000 users of one number", repeat(5000, func(i, _, _ int) string { return fmt.Sprintf("[user.u%d]\nuid = 1", i) })},
		{"2000 routes by 2000 addresses", "[net.a]\nipv4 = \"static\"\naddresses = [\n" +
			repeat(2000, func(_, high, low int) string { return fmt.Sprintf(`"10.%d.%d.1/24",`, high, low) }) + "]\nroutes = [\n" +
			repeat(2000, func(_, high, low int) string {
				return fmt.Sprintf(`{ to = "11.%d.%d.0/24", via = "12.0.0.1" },`, high, low)
			}) + "]\n"},
		{"2000 open strings", strings.Repeat("x = \"\"\"\n", 2000)},
		{"20000 open strings", strings.Repeat("x = \"\"\"\n", 20000)},
		{"2000 open arrays", strings.Repeat("x = [\n", 2000)},
		{"20000 open arrays", strings.Repeat("x = [\n", 20000)},
		{"20000 open inline tables", strings.Repeat("x = {a={\n", 20000)},
		{"20000 array lines without comma", "x = [\n" + strings.Repeat("  \"a\"\n", 20000)},
		{"20000 same keys", strings.Repeat("x = 1\n", 20000)},
		{"20000 same tables", strings.Repeat("[net.a]\n", 20000)},
		{"20000 unknown keys", strings.Repeat("x.y = 1\n[a]\n", 10000)},
		{"a 100 KB line of brackets", "x = " + strings.Repeat("[", 100000)},
		{"a 100 KB line of words", strings.Repeat("x ", 50000)},
		{"a 100 KB line of values", "modules = [" + strings.Repeat("1,", 50000) + "]"},
		{"20000 bad bytes", strings.Repeat("\xff\n", 20000)},
	}
	for _, c := range cases {
		b.Run(c.claim, func(b *testing.B) {
			src := []byte(c.text)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				Parse("system.toml", src)
			}
		})
	}
}
