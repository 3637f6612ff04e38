package pid1

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/system"
)

// tree makes files, as /proc/sys has them, and returns how to read one.
func parameterTree(t *testing.T, files ...string) (root string, read func(name string) string) {
	t.Helper()
	root = t.TempDir()
	for _, file := range files {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root, func(name string) string {
		text, _ := os.ReadFile(filepath.Join(root, name))
		return strings.TrimSpace(string(text))
	}
}

func TestDefaultsAreSetAsFarAsTheKernelHasThem(t *testing.T) {
	root, read := parameterTree(t, "kernel/sysrq", "user/max_user_namespaces",
		"net/ipv4/conf/all/accept_redirects", "net/ipv4/conf/eth0/accept_redirects",
		"net/ipv6/conf/all/accept_redirects", "net/ipv6/conf/eth0.7/accept_redirects")
	missing, errs := setDefaults(root, system.ParameterDefaults)
	if len(errs) > 0 {
		t.Errorf("what is missing is told: %v", errs)
	}
	for name, want := range map[string]string{
		"kernel/sysrq":                           "16",
		"user/max_user_namespaces":               "0", // this kernel has no other
		"net/ipv4/conf/all/accept_redirects":     "0",
		"net/ipv4/conf/eth0/accept_redirects":    "x", // follows the default by itself
		"net/ipv6/conf/all/accept_redirects":     "0",
		"net/ipv6/conf/eth0.7/accept_redirects":  "0", // does not
		"kernel/dmesg_restrict":                  "",
		"kernel/yama/ptrace_scope":               "",
		"net/ipv4/conf/all/accept_source_route":  "",
		"net/ipv6/conf/eth0/accept_source_route": "",
	} {
		if got := read(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	// A module brings one of the rest.
	late := filepath.Join(root, "kernel/dmesg_restrict")
	if err := os.WriteFile(late, []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "kernel/sysrq"), []byte("1\n"), 0o644); err != nil { // by [sysctl]
		t.Fatal(err)
	}
	still, _ := setDefaults(root, missing)
	if len(still) != len(missing)-1 || !strings.HasPrefix(read("kernel/dmesg_restrict"), "1") || read("kernel/sysrq") != "1" {
		t.Errorf("later %d of %d are missing, dmesg_restrict is %q, sysrq %q", len(still), len(missing), read("kernel/dmesg_restrict"), read("kernel/sysrq"))
	}
}

func TestUserNamespacesStayToRootWhereTheKernelTellsItApart(t *testing.T) {
	root, read := parameterTree(t, "kernel/unprivileged_userns_clone", "user/max_user_namespaces")
	setDefaults(root, system.ParameterDefaults)
	if clone, most := read("kernel/unprivileged_userns_clone"), read("user/max_user_namespaces"); clone != "0" || most != "x" {
		t.Errorf("unprivileged_userns_clone %q, max_user_namespaces %q", clone, most)
	}
}

func TestADefaultThatIsRefusedIsTold(t *testing.T) {
	root, _ := parameterTree(t, "kernel/sysrq/is/a/folder")
	_, errs := setDefaults(root, system.ParameterDefaults)
	if len(errs) != 1 || errs[0].Error() != "sysctl kernel.sysrq = 16: is a directory" {
		t.Errorf("got %v", errs)
	}
}

// The kernel accepts redirects again when forwarding ends.
func TestRedirectsStayOffWhenForwardingEnds(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread, and its network namespace, end with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare: %v; run this test as root", err)
	}
	for _, value := range []string{"1", "0"} {
		if err := SetSysctl("net.ipv4.ip_forward", value); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("/proc/sys/net/ipv4/conf/all/accept_redirects")
		if err != nil || string(got) != "0\n" {
			t.Errorf("with ip_forward %s redirects are accepted: %q, %v", value, got, err)
		}
	}
}
