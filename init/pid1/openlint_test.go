package pid1

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A name in a folder that another user owns may lead to a pipe that nobody
// writes to, to /proc/kmsg or to /dev/zero: PID 1 would wait for ever, or die.
// So its packages open by name only what lies below these, which are the kernel's
// or the image's,
var rootsOwn = []string{"/proc/", "/sys/", "/dev/", "/bantam/", "/etc/"}

// and, in these functions, what has been thought about: whose the folder is.
// Everything else is read by package regular, or comes over a socket.
var opensByName = map[string]string{
	"control Listen":              "/run/bantam, which is root's",
	"control Blob":                "a person's own process; the store, the boot medium and its slots",
	"control spool":               "a person's own process; the top of the state volume is root's",
	"pid1 wipeBelow":              "the state volume, before anybody else runs",
	"control editDraft":           "a person's own process; the draft's folder is root's",
	"control makeDraft":           "likewise",
	"control lockInstall":         "a person's own process; /run is root's",
	"control readText":            "a person's own process, and the file that the person names",
	"control runDraft":            "a person's own process; the draft's folder is root's",
	"control show":                "a person's own process, and the file that the person names",
	"kmod OpenDir":                "the image's modules",
	"kmod names":                  "/sys",
	"kmod insertFile":             "the image's modules",
	"kmod UnservedNetwork":        "the image's modules",
	"kmod driverless":             "/sys",
	"kmod read":                   "/sys",
	"pid1 Create":                 "what is made at boot, before anybody else runs, and files of /etc",
	"pid1 creditSeed":             "the state volume, whose top is root's",
	"pid1 OpenWatchdog":           "/dev",
	"pid1 openKeys":               "/dev",
	"pid1 wanted":                 "/sys",
	"pid1 each":                   "/sys",
	"pid1 readPanel":              "the image",
	"pid1 drive":                  "/sys",
	"pid1 write":                  "/sys",
	"pid1 names":                  "/sys",
	"pid1 aliased":                "/proc",
	"pid1 SaveSeed":               "the state volume, whose top is root's",
	"pid1 Stdio":                  "/dev, before it is mounted",
	"pid1 networkFolder":          "a folder of PID 1's own; the link itself, were there one",
	"pid1 open":                   "/dev",
	"pid1 prepareVolume":          "the state volume, whose top is root's",
	"pid1 readClock":              "the state volume, whose top is root's",
	"pid1 readImage":              "the image's generation",
	"pid1 newLayers":              "the image's generation",
	"statevolume Furnish":         "/dev, and a folder of root's in /run",
	"mtd Open":                    "/dev",
	"mtd Sync":                    "/dev",
	"mtd ReadMap":                 "the image",
	"mtd devices":                 "/sys",
	"mtd text":                    "/sys",
	"mtd AddArea":                 "/dev",
	"mtd attached":                "/sys",
	"mtd Attach":                  "/dev",
	"mtd Detach":                  "/dev",
	"mtd State":                   "/sys",
	"mtd Volumes":                 "/sys",
	"mtd with":                    "/dev",
	"mtd Update":                  "/dev",
	"mtd Read":                    "/dev",
	"statevolume lookForLayers":   "/dev",
	"pid1 closeToOthers":          "the state volume, whose top is root's; no link is followed",
	"pid1 letServicesIn":          "the top of the state volume, which is root's",
	"pid1 letOperatorsIn":         "a folder at the top of the state volume, which is root's",
	"atomicfile WriteGroup":       "a temporary file beside one of /etc or /run/bantam",
	"atomicfile WriteUnsyncedBy":  "PID 1 writes to a folder of its own; the configurator to its own leases",
	"pid1 forgetOld":              "the state volume, whose top is root's",
	"pid1 readSome":               "pstore, and the state volume, whose top is root's",
	"pid1 restartSoon":            "the state volume, whose top is root's",
	"pid1 takeLastWords":          "pstore, and the state volume, whose top is root's",
	"supervise revoked":           "/dev",
	"pid1 writeParameter":         "/proc/sys",
	"pid1 setDefaults":            "/proc/sys",
	"statevolume change":          "/dev",
	"statevolume discard":         "a folder that was just made in memory",
	"statevolume growTo":          "where the state volume is mounted",
	"statevolume look":            "/sys",
	"statevolume model":           "/sys",
	"statevolume wanted":          "the image",
	"statevolume inMemory":        "where the state volume is mounted",
	"statevolume lookAt":          "/dev",
	"statevolume mountExt4":       "where the state volume is mounted",
	"statevolume openFlash":       "where the state volume is mounted",
	"statevolume move":            "where the state volume is mounted",
	"statevolume number":          "/sys",
	"statevolume partitionAt":     "/sys",
	"statevolume partitionDevice": "/dev",
	"statevolume readStateImage":  "the image",
	"statevolume Renew":           "/dev",
	"supervise firstPage":         "the tree of cgroups, /proc/meminfo and /proc/self",
	"supervise create":            "likewise",
	"supervise groupMembers":      "/proc",
	"supervise holdsAny":          "/proc",
	"supervise listeners":         "/proc",
	"supervise members":           "the tree of cgroups, which is root's",
	"supervise openGroups":        "likewise",
	"supervise put":               "the tree of cgroups, and /proc/self",
	"supervise remove":            "the tree of cgroups, which is root's",
	"supervise takeTTY":           "a service of /dev alone has a terminal",
	"switcher Overwrite":          "the state volume, whose top is root's; no link is followed",
	"switcher Lock":               "the inbox, which is root's alone; no link is followed",
	"switcher OpenInbox":          "a person's own process; the inbox, on the state volume, whose top is root's",
	"switcher Append":             "the store, on the state volume, whose top is root's",
	"atomicfile Create":           "the store, and files of /etc and /run/bantam",
	"atomicfile List":             "the store",
	"switcher Mkdir":              "the store",
	"atomicfile Remove":           "the store, and files of /etc and /run/bantam",
	"atomicfile Rename":           "likewise",
	"atomicfile SyncDir":          "likewise",
}

// byName are the functions that act on what a name leads to. To look at it
// (stat, readlink) is harmless.
var byName = map[string][]string{
	"os": {"Open", "OpenFile", "OpenRoot", "Create", "ReadFile", "WriteFile", "ReadDir", "DirFS", "Remove", "RemoveAll", "Rename", "Mkdir", "MkdirAll",
		"Symlink", "Link", "Chmod", "Chown", "Lchown", "Chtimes", "Truncate", "CreateTemp", "MkdirTemp", "CopyFS"},
	"unix": {"Open", "Openat", "Openat2", "Creat", "Unlink", "Unlinkat", "Rename", "Renameat", "Renameat2", "Rmdir", "Mkdir", "Mkdirat", "Mknod", "Mknodat",
		"Mkfifo", "Symlink", "Symlinkat", "Link", "Linkat", "Chmod", "Fchmodat", "Chown", "Lchown", "Fchownat", "Truncate", "Utimes"},
	"syscall":  {"Open", "Openat", "Creat", "Unlink", "Rename", "Rmdir", "Mkdir", "Mknod", "Mkfifo", "Symlink", "Link", "Chmod", "Chown", "Lchown", "Truncate"},
	"filepath": {"Glob", "Walk", "WalkDir"},
	"ioutil":   {"ReadFile", "WriteFile", "ReadDir"},
}

func TestPID1OpensNothingByNameWhereOthersMayWrite(t *testing.T) {
	var files []string
	for _, dir := range inProcessOne {
		found, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no Go files, %v", dir, err)
		}
		files = append(files, found...)
	}
	files = append(files, "../../netcfg/receive.go", "../../netcfg/write.go", "../../netcfg/status.go")
	used := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for place, calls := range opened(t, file) {
			used[place] = true
			if opensByName[place] == "" {
				t.Errorf("%s: %s: use package regular, or say in opensByName whose folder it is", place, strings.Join(calls, ", "))
			}
		}
	}
	for place := range opensByName {
		if !used[place] {
			t.Errorf("%s opens nothing by name: take it off the list", place)
		}
	}
}

func TestTheRuleFindsCallsByName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(file, []byte(`package p
import ("os"; x "golang.org/x/sys/unix"; "path/filepath")
const dir = "/run/x"
func (p *T) Method() { os.ReadFile(dir + "/status.json"); os.ReadFile("/proc/self/stat"); os.ReadFile("/proc/" + name); os.Stat(dir) }
func function() { x.Open(dir, 0, 0); filepath.Glob("*"); f := os.Remove; f(dir) }
var initial, _ = os.Open(dir)
`), 0o644); err != nil {
		t.Fatal(err)
	}
	got := opened(t, file)
	for place, want := range map[string]string{"Method": "os.ReadFile", "function": "unix.Open filepath.Glob os.Remove", "": "os.Open"} {
		if calls := strings.Join(got[strings.TrimSpace("p "+place)], " "); calls != want {
			t.Errorf("in %q: got %q, want %q", place, calls, want)
		}
	}
}

// opened maps "PACKAGE FUNCTION" to the calls by name in it.
func opened(t *testing.T, file string) map[string][]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]string{} // by the name that it has in the file
	for _, imp := range parsed.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		name := filepath.Base(path)
		if imp.Name != nil {
			imported[imp.Name.Name] = name
		} else {
			imported[name] = name
		}
	}
	found := map[string][]string{}
	for _, decl := range parsed.Decls {
		place := parsed.Name.Name
		if f, ok := decl.(*ast.FuncDecl); ok {
			place += " " + f.Name.Name
		}
		harmless := map[ast.Node]bool{}
		ast.Inspect(decl, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 && isRoots(call.Args[0]) {
				harmless[call.Fun] = true
			}
			selector, ok := n.(*ast.SelectorExpr)
			if !ok || harmless[n] {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if ok && slices.Contains(byName[imported[pkg.Name]], selector.Sel.Name) {
				found[place] = append(found[place], fmt.Sprintf("%s.%s", imported[pkg.Name], selector.Sel.Name))
			}
			return true
		})
	}
	return found
}

// isRoots tells whether a path is, or begins with, text below one of rootsOwn.
func isRoots(path ast.Expr) bool {
	for {
		sum, ok := path.(*ast.BinaryExpr)
		if !ok {
			break
		}
		path = sum.X
	}
	literal, ok := path.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return false
	}
	text, _ := strconv.Unquote(literal.Value)
	return slices.ContainsFunc(rootsOwn, func(root string) bool { return strings.HasPrefix(text, root) })
}
