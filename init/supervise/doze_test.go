package supervise

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// dozer is what the test binary is under the names "doze" and "woken".
func dozer(args []string) {
	if args[1] == "doze" {
		fmt.Println(Doze([]string{args[0], "woken", args[2]}))
		os.Exit(1)
	}
	text, err := io.ReadAll(os.Stdin)
	fmt.Printf("%s of %s: %q %v", args[1], args[2], text, err)
}

func TestAProgramThatDozesReadsAllThatWakesIt(t *testing.T) {
	if !hasPages {
		t.Skip("no pages on this architecture")
	}
	for input, want := range map[string]string{"typed\n": `woken of ttyS0: "typed\n" <nil>`, "": `woken of ttyS0: "" <nil>`} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd := exec.Command("/proc/self/exe", "doze", "ttyS0")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = read, &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		read.Close()
		exe := ""
		for end := time.Now().Add(20 * time.Second); !strings.Contains(exe, "memfd:") && time.Now().Before(end); time.Sleep(time.Millisecond) {
			exe, _ = os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
		}
		if !strings.Contains(exe, "memfd:") {
			t.Errorf("it is still %s", exe)
		}
		if _, err := write.WriteString(input); err != nil {
			t.Error(err)
		}
		write.Close()
		if err := cmd.Wait(); err != nil || out.String() != want {
			t.Errorf("said %q (%v), want %q", out.String(), err, want)
		}
	}
}
