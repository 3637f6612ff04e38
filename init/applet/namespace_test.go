package applet

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inNamespaces runs a script of the host's shell in namespaces of its own, where
// "ours NAME ARGUMENT..." is one of our commands.
func inNamespaces(t *testing.T, flags uintptr, script string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs to be root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-e", "-c", `ours() { name=$1; shift; APPLET_TEST_RUN=$name "$SELF" "$@"; }`+"\n"+script)
	cmd.Env = append(os.Environ(), "SELF="+self)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestRemountKeepsTheOtherOptions(t *testing.T) {
	out := inNamespaces(t, syscall.CLONE_NEWNS, `
mount --make-rprivate /
mkdir m
ours mount -t tmpfs -o nosuid,nodev,noexec,noatime none m
ours mount -o remount,ro m
grep " $PWD/m " /proc/self/mountinfo | cut -d" " -f6
ours mount -o remount,rw,exec,relatime m
grep " $PWD/m " /proc/self/mountinfo | cut -d" " -f6
ours umount m
`)
	if want := "ro,nosuid,nodev,noexec,noatime\nrw,nosuid,nodev,relatime\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestCpWritesIntoAFileThatIsMountedOnAnother(t *testing.T) {
	out := inNamespaces(t, syscall.CLONE_NEWNS, `
mount --make-rprivate /
echo new > source; echo old > real; : > name
mount --bind real name
ours cp source name
cat real; ls -A | tr "\n" " "
umount name
`)
	if want := "new\nname real source "; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestAFullDiskLeavesTheTarget(t *testing.T) {
	out := inNamespaces(t, syscall.CLONE_NEWNS, `
mount --make-rprivate /
mkdir m
mount -t tmpfs -o size=1m none m
echo old > m/target
head -c 3000000 /dev/zero > big
ours cp big m/target || echo refused
ours cp -f big m/target || echo refused
ours mv -f big m/target || echo refused
ours sed "s/old/$(head -c 100000 /dev/zero | tr "\\0" x)/;p;p;p;p;p;p;p;p;p;p;p;p" -i m/target || echo refused
ours sort -o m/target big || echo refused
cat m/target; ls -A m; ls -l big | wc -l
umount m
`)
	if want := "old\ntarget\n1\n"; strings.Count(out, "refused") != 5 || !strings.HasSuffix(out, want) {
		t.Errorf("got %q, want 5 refusals and %q", out, want)
	}
}

func TestIpRemovesTheRouteThatWasNamed(t *testing.T) {
	out := inNamespaces(t, syscall.CLONE_NEWNET, `
ours ip link add d0 type bridge
ours ip link set d0 up
ours ip addr add 10.9.8.1/24 brd + dev d0
ours ip route add 10.7.0.0/16 dev d0
ours ip route add default via 10.9.8.2
ours ip route del 10.7.0.0/16
ours ip route del default dev d0
ours ip route
`)
	if want := "10.9.8.0/24 dev d0 proto kernel scope link src 10.9.8.1\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestIpShowsAndSetsWhatItIsTold(t *testing.T) {
	out := inNamespaces(t, syscall.CLONE_NEWNET, `
ours ip link add d0 type bridge
ours ip link set d0 up
ip addr add 2001:db8::1/64 dev d0 nodad valid_lft 5000 preferred_lft 0
ours ip addr add 10.9.8.1/24 brd 10.9.8.77 scope link dev d0
ours ip addr show d0
ours ip route show 10.0.0.0/8 || echo refused
`)
	for _, want := range []string{"preferred_lft 0sec", "inet 10.9.8.1/24 brd 10.9.8.77 scope link d0", "refused"} {
		if !strings.Contains(strings.ReplaceAll(out, "scope link\n", "scope link d0\n"), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
