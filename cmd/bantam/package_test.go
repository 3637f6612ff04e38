package main

import (
	"encoding/json"
	"strings"
	"testing"

	"bantam/images/payload"
)

func TestPackageIsDescribed(t *testing.T) {
	args := []string{"package", "tcpdump", "--release", "bookworm"}
	r := bantam("", args...)
	r.expect(t, exitOK, "tcpdump 4.99.3-1 for amd64, built from tcpdump 4.99.3-1\n", "")
	for _, want := range []string{"  libpcap0.8 ", "  /usr/bin/tcpdump\n", "[user.tcpdump]\nuid = 100\n"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("want %q in\n%s", want, r.out)
		}
	}
	r = bantam("", append(args, "--json", "--board", "qemu-arm64")...)
	var report payload.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v in %s%s", err, r.out, r.errors)
	}
	sum, unpacked := int64(0), int64(0)
	for _, l := range report.Layers {
		sum, unpacked = sum+l.Size, unpacked+l.Files
	}
	if report.Arch != "arm64" || len(report.Layers) < 5 || sum != report.Size || unpacked < sum || len(report.Files) == 0 || report.Trimmed < 10_000 || report.Notes == nil || report.Licences == nil {
		t.Errorf("report %+v", report)
	}
}

// Once this host has seen a package, check says what it wants, and needs nobody for that.
func TestCheckSaysWhatKnownPackagesWant(t *testing.T) {
	bantam("", "package", "tcpdump").expect(t, exitOK, "tcpdump", "")
	const text = "packages = [\"tcpdump\"]\n"
	t.Setenv("PATH", t.TempDir())
	bantam(text, "check", "-").expect(t, exitOK, "-:1:13: remark: package tcpdump wants [user.tcpdump]; lines to paste stand below\n-: no faults\n\n# for -, to paste and to change\n[user.tcpdump]\nuid = 100\n", "")
	bantam(text, "check", "-", "--cache", t.TempDir()).expect(t, exitOK, "-: no faults\n", "")
	bantam(text+"[user.tcpdump]\nuid = 100\n", "check", "-").expect(t, exitOK, "-: no faults\n", "")
}

func TestPackageRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		errors string
	}{
		{"nothing", nil, exitUsage, "want the name of one package, got 0 arguments"},
		{"two", []string{"a", "b"}, exitUsage, "want the name of one package, got 2 arguments"},
		{"a closure that there is not", []string{"tcpdump", "--closure", "all"}, exitUsage, "--closure all: want libraries or depends"},
		{"a board that there is not", []string{"tcpdump", "--board", "toaster"}, exitUsage, `no board "toaster"`},
		{"a package that there is not", []string{"tcpdumb", "--release", "bookworm"}, exitFault, `Debian bookworm amd64 has no package tcpdumb; did you mean "tcpdump"?`},
	} {
		t.Run(test.name, func(t *testing.T) {
			bantam("", append([]string{"package"}, test.args...)...).expect(t, test.code, "", test.errors)
		})
	}
}
