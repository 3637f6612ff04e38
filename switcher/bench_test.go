package switcher

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// The switcher's own work, without the medium's syncs, services or the kernel.

// services is a system.toml with n services, of which the first few have another argument.
func services(n, changed int, comment string) []byte {
	var b strings.Builder
	b.WriteString("# " + comment + "\nhostname = \"bench\"\n")
	for i := range n {
		version := "1"
		if i < changed {
			version = comment
		}
		fmt.Fprintf(&b, "[service.s%03d]\ncommand = [\"s\", %q]\n", i, version)
	}
	return []byte(b.String())
}

func benchmarkSwitch(b *testing.B, generations int, text func(i int) []byte) {
	s, m, _ := bootedMachine(b)
	for i := range generations {
		if _, err := s.add(target{generation: image(fmt.Sprint("# ", i)), text: fmt.Append(nil, "# ", i)}, VerbBoot, nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.update(func(r *Record) {
		for i := range r.Entries {
			r.Entries[i].Pinned = true // or most would be collected
		}
	}); err != nil {
		b.Fatal(err)
	}
	to := func(i int) {
		m.calls = nil
		if r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: text(i)}, nil); r.Exit != ExitGood {
			b.Fatal(r.Text())
		}
	}
	to(0)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		to(i + 1)
	}
}

func BenchmarkSwitch(b *testing.B) {
	for _, c := range []struct {
		name        string
		generations int
		text        func(i int) []byte
	}{
		{"nothing/of-100-services", 0, func(int) []byte { return services(100, 0, "") }},
		{"comment/of-100-services", 0, func(i int) []byte { return services(100, 0, fmt.Sprint(i)) }},
		{"hostname/of-0-services", 0, func(i int) []byte { return fmt.Appendf(nil, "hostname = \"h%d\"\n", i) }},
		{"1-service/of-1", 0, func(i int) []byte { return services(1, 1, fmt.Sprint(i)) }},
		{"1-service/of-100", 0, func(i int) []byte { return services(100, 1, fmt.Sprint(i)) }},
		{"50-services/of-100", 0, func(i int) []byte { return services(100, 50, fmt.Sprint(i)) }},
		{"there-and-back/of-100", 0, func(i int) []byte { return services(100, 1, fmt.Sprint(i%2)) }},
		{"1-service/of-100/1000-generations", 1000, func(i int) []byte { return services(100, 1, fmt.Sprint(i)) }},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkSwitch(b, c.generations, c.text) })
	}
}
