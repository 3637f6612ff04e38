package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// becoming is what the test binary is under the name "become".
func becoming() {
	dir := "/"
	if len(os.Args) > 2 {
		dir = os.Args[2]
	}
	fmt.Println(Become(Definition{Argv: []string{"sh", "-c", "id -u; id -g; id -G; pwd; umask; echo $HOME; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; ls /proc/self/fd | wc -l; ulimit -n"},
		Env: []string{"HOME=/somewhere"}, Dir: dir, UID: 1234, GID: 1235, Groups: []uint32{1236, 65532}}))
	os.Exit(3)
}

func TestAProcessOfRootBecomesAUsersProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("it changes its user: run it as root")
	}
	f, err := os.Open("/dev/null") // which is not for the program
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe", "become")
	cmd.ExtraFiles = []*os.File{f, f, f, f}
	out, err := cmd.CombinedOutput()
	const want = "1234\n1235\n1235 1236 65532\n/\n0022\n/somewhere\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n4\n1024\n"
	if err != nil || string(out) != want {
		t.Errorf("%v, got\n%swant\n%s", err, out, want)
	}
	out, _ = exec.Command("/proc/self/exe", "become", "/nowhere").CombinedOutput()
	if want := "chdir /nowhere: no such file or directory\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}
