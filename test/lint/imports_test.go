package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mayImport are the arrows between packages: what of our own one and those below
// it may import beside each other. The rule for a package is the longest prefix of
// its path that is listed.
var mayImport = map[string][]string{
	"system":            {"lifecycle", "order", "printable", "signature", "spelling", "yescrypt", "zone"},
	"signature":         {},
	"gpt":               {},
	"frame":             {"gpt", "slot"},
	"layer":             {"order"},
	"slot":              {"firmware"},
	"firmware":          {"printable"},
	"newc":              {},
	"docs":              {},
	"order":             {},
	"regular":           {},
	"boottime":          {},
	"confine":           {},
	"timesync":          {"order"},
	"timesync/daemon":   {"atomicfile", "boottime", "confine", "entropy", "regular", "system", "timesync"},
	"zone":              {},
	"printable":         {},
	"spelling":          {},
	"yescrypt":          {"entropy"},
	"entropy":           {},
	"password":          {"tty", "yescrypt"},
	"lifecycle":         {},
	"atomicfile":        {},
	"tty":               {},
	"packing":           {},
	"serial":            {"tty"},
	"editor":            {"order", "tty"},
	"editor/keys":       {},
	"editor/screen":     {},
	"editor/text":       {},
	"editor/compare":    {},
	"editor/vt":         {"editor/screen"},
	"editor/vt/tmux":    {}, // for tests alone
	"editor/file":       {"editor/text", "order"},
	"editor/language":   {"editor/screen"},
	"editor/systemfile": {"editor/language", "lifecycle", "spelling", "system", "zone"},
	"editor/plain":      {"editor/compare", "editor/file", "editor/language", "editor/screen", "editor/text"},
	"board":             {"flashmap", "panel", "spelling", "system"},
	"flashmap":          {},
	"panel":             {},
	"switcher":          {"atomicfile", "layer", "lifecycle", "newc", "order", "regular", "signature", "slot", "spelling", "system", "zone"},
	"http1":             {"printable"},
	"http1/https":       {"http1", "regular"},
	"oci":               {"atomicfile", "http1", "printable", "regular", "signature", "switcher"},
	"netcfg/firewall":   {"netcfg/nft", "order", "system"},
	"netcfg/nft":        {"netcfg/rtnl", "order"},
	"netcfg":            {"atomicfile", "boottime", "confine", "entropy", "http1/https", "order", "regular", "system"},
	"netcfg/rtnl":       {},
	"netcfg/session":    {"atomicfile", "boottime", "netcfg/rtnl", "regular", "system"},
	"netcfg/pppoe":      {"netcfg/session", "printable"},
	"netcfg/wifi":       {"netcfg/rtnl", "netcfg/session", "printable", "system"},
	"netcfg/netlab":     {}, // for tests alone
	"netcfg/bootp":      {},
	"netcfg/dhcp4":      {"netcfg/bootp", "netcfg/dnsname"},
	"netcfg/dhcp6":      {"netcfg/dnsname"},
	"netcfg/dnsname":    {},
	"netcfg/dnsforward": {},
	"netcfg/dnssockets": {"boottime", "entropy", "netcfg/dnsforward"},
	"images":            {"atomicfile", "board", "firmware", "flashmap", "frame", "gpt", "init/statevolume/sparse", "layer", "newc", "oci", "packing", "panel", "printable", "signature", "slot", "spelling", "switcher", "system"},
	"flash":             {"firmware", "gpt", "printable", "switcher"},
	"recovery":          {"board", "printable"},
	"recovery/ymodem":   {},
	"recovery/tftp":     {},
	"deploy":            {"oci", "printable", "signature", "switcher", "system"},
	"deploy/deploytest": {}, // for tests alone
	"cmd":               {"board", "deploy", "flash", "flashmap", "http1", "images", "netcfg/firewall", "oci", "packing", "password", "printable", "recovery", "serial", "signature", "spelling", "switcher", "system", "tty", "yescrypt"},
	"cmd/droplines":     {"atomicfile"},
	"cmd/hollow":        {"atomicfile"},
	"cmd/smallstd":      {"atomicfile"},
	"init":              {"atomicfile", "boottime", "docs", "editor", "entropy", "flashmap", "frame", "gpt", "http1", "layer", "lifecycle", "netcfg", "oci", "order", "packing", "panel", "password", "printable", "regular", "signature", "slot", "spelling", "switcher", "system", "timesync", "tty", "yescrypt", "zone"},
	"init/bootmenu":     {"editor/keys", "printable"},
	"init/filetree":     {},
	"init/flashing":     {"firmware", "gpt", "layer", "printable", "slot", "switcher"},
	"init/glob":         {},
	"init/rtc":          {},
	"init/sigaction":    {},
	"init/tree":         {"init/filetree", "layer", "order"},
	"init/sftp":         {},
	"init/sshd":         {"confine", "init/sshline", "printable"},
	"init/sshline":      {},
	"init/supervise":    {"boottime", "init/sigaction", "lifecycle", "order", "printable", "regular", "tty"},
	"init/kmod":         {"init/glob"},
	"init/mtd":          {"flashmap", "order"},
	"init/rawflash":     {"firmware", "flashmap", "init/flashing", "init/mtd"},
	"init/statevolume":  {"flashmap", "gpt", "init/mtd", "slot"},
	"init/installing":   {"frame", "gpt", "init/applet", "init/flashing", "init/statevolume", "packing", "printable"},
	"init/bootslot":     {"gpt", "init/statevolume", "layer", "slot", "switcher"},
	"init/applet":       {"boottime", "editor/compare", "editor/screen", "http1", "init/filetree", "init/glob", "init/kmod", "init/rtc", "init/sigaction", "netcfg/rtnl", "packing", "printable", "system", "tty"},
	"init/shell":        {"atomicfile", "editor/keys", "init/applet", "init/glob", "init/sigaction", "spelling", "tty"},
	"test":              {"board", "cmd", "editor", "firmware", "flashmap", "gpt", "images", "init", "layer", "lifecycle", "netcfg", "oci", "signature", "slot", "switcher", "system"},

	"init/flashing/imagetest": {"gpt", "layer", "slot", "switcher"}, // for tests alone
}

// onDevice are the packages of the device binary, with all below them.
var onDevice = []string{"init", "netcfg", "http1", "oci", "switcher", "system", "editor", "firmware", "flashmap", "frame", "gpt", "layer", "newc", "slot", "docs", "order", "regular", "boottime", "confine", "timesync", "zone", "yescrypt", "entropy", "password", "tty", "packing", "atomicfile", "lifecycle", "printable", "signature", "spelling"}

// notOnDevice are packages that cost too many bytes for what they do there, or,
// as os/exec, take exit codes from PID 1's reaper, or, as crypto/rand, hold up a
// boot until the kernel's random numbers are good; with the packages that may. The
// shell and the small commands never run in PID 1.
var notOnDevice = map[string][]string{
	"crypto/rand": {},
	"os/exec":     {"init/shell", "init/applet", "editor/vt/tmux", "netcfg/netlab", "oci/registrytest"},
	"net/http":    {},
	"crypto/tls":  {"http1/https", "http1/rawserver"}, // rawserver is for tests alone
	"crypto/x509": {"http1/https"},
	// PID 1 reads nothing that comes from a network. Of init/control, that is for the verbs' own processes.
	"bantam/http1/https":                  {"init/control", "init/applet", "netcfg/netserve"},
	"net/rpc":                             {},
	"github.com/insomniacslk/dhcp/dhcpv4": {}, // it makes the names of all options at each start
	"text/template":                       {},
	"html/template":                       {},
	"log/slog":                            {},
	"regexp":                              {"init/applet", "editor/text", "oci/registrytest"},
}

// listed is one package as go list prints it.
type listed struct {
	path    string // below the module, e.g. init/pid1
	imports []string
}

func packages(t *testing.T) (list []listed) {
	t.Helper()
	text := output(t, []string{"GOOS=linux", "GOARCH=amd64"}, "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		list = append(list, listed{strings.TrimPrefix(fields[0], "bantam/"), fields[1:]})
	}
	if len(list) < 10 {
		t.Fatalf("only %d packages", len(list))
	}
	return list
}

func TestArrowsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		for _, fault := range p.faults() {
			t.Error(fault)
		}
	}
}

func (p listed) faults() (list []string) {
	rule := ruleOf(p.path)
	allowed, known := mayImport[rule]
	if !known {
		return []string{fmt.Sprintf("%s: this package is in no rule; say in test/lint what it may import", p.path)}
	}
	for _, path := range p.imports {
		if where, banned := notOnDevice[path]; banned && within(p.path, onDevice) && !within(p.path, where) {
			list = append(list, fmt.Sprintf("%s imports %s, which is not for the device", p.path, path))
		}
		own, ok := strings.CutPrefix(path, "bantam/")
		if ok && !within(own, []string{rule}) && !within(own, allowed) {
			list = append(list, fmt.Sprintf("%s imports %s: %s may import only %q", p.path, own, rule, allowed))
		}
	}
	return list
}

// ruleOf is the longest path in mayImport that leads to a package.
func ruleOf(path string) string {
	for ; path != ""; path = path[:max(strings.LastIndexByte(path, '/'), 0)] {
		if _, ok := mayImport[path]; ok {
			return path
		}
	}
	return ""
}

// within tells whether a package is one of these folders or below.
func within(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
}

func TestForbiddenImportsAreFound(t *testing.T) {
	for _, c := range []struct {
		claim string
		listed
		faults int
	}{
		{"PID 1 never runs os/exec", listed{"init/pid1", []string{"fmt", "os/exec"}}, 1},
		{"the shell may", listed{"init/shell/line", []string{"os/exec"}}, 0},
		{"the host tool may fetch", listed{"images", []string{"net/http", "bantam/board"}}, 0},
		{"the device does not know images", listed{"init", []string{"bantam/images", "bantam/init/pid1"}}, 1},
		{"of the device, images knows only the packing of the state volume", listed{"images", []string{"bantam/init/statevolume", "bantam/init/statevolume/sparse"}}, 1},
		{"system imports none of ours but words", listed{"system", []string{"bantam/gpt"}}, 1},
		{"a name that only begins alike is another package", listed{"netcfg", []string{"bantam/systematic"}}, 1},
		{"a new package needs a rule", listed{"attic", nil}, 1},
	} {
		if got := c.listed.faults(); len(got) != c.faults {
			t.Errorf("%s: got %q, want %d", c.claim, got, c.faults)
		}
	}
}
