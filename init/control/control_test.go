package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/system"
)

// serveOn answers on a socket of the test's own and returns its path.
func serveOn(t *testing.T, h Handler) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go Serve(l, h, func(_ string, f func()) { f() })
	return path
}

func TestFramesArriveInOrderAndTheLastOneEnds(t *testing.T) {
	path := serveOn(t, func(req Request, c *Client) Frame {
		for i := range 3 {
			c.Write(Frame{Line: fmt.Sprintf("%s %d", req.Verb, i)})
		}
		return Frame{Exit: 10, Error: "went back"}
	})
	var got []string
	last, err := Call(path, Request{Verb: "switch"}, func(f Frame) { got = append(got, f.Line) })
	if err != nil {
		t.Fatal(err)
	}
	if want := "switch 0,switch 1,switch 2,"; strings.Join(got, ",") != want {
		t.Errorf("frames %q, want %q", got, want)
	}
	if last.Exit != 10 || last.Error != "went back" {
		t.Errorf("last frame %+v", last)
	}
}

func TestAClientThatLeavesIsNoticedAndItsWorkMaySpeakOn(t *testing.T) {
	left := make(chan struct{})
	spoke := make(chan struct{})
	path := serveOn(t, func(_ Request, c *Client) Frame {
		<-c.Gone
		close(left)
		go func() {
			time.Sleep(50 * time.Millisecond)
			c.Tell(Frame{Line: "still at it"}) // after the conversation is over
			close(spoke)
		}()
		return Frame{}
	})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(c, `{"verb":"switch"}`)
	c.Close()
	for _, ch := range []chan struct{}{left, spoke} {
		select {
		case <-ch:
		case <-time.After(time.Minute):
			t.Fatal("the handler did not see its client leave")
		}
	}
}

func TestAClientThatNeverReadsDoesNotHoldUpTheWork(t *testing.T) {
	done := make(chan struct{})
	path := serveOn(t, func(_ Request, c *Client) Frame {
		for range 100_000 {
			c.Tell(Frame{Line: strings.Repeat("x", 100)})
		}
		close(done)
		return Frame{}
	})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, `{"verb":"log"}`)
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("100,000 frames to a deaf client blocked the handler")
	}
}

func TestGarbageAndOversizeRequestsAreRefused(t *testing.T) {
	path := serveOn(t, func(Request, *Client) Frame {
		t.Error("the handler saw a bad request")
		return Frame{}
	})
	for name, text := range map[string]string{
		"not JSON":   "hello\n",
		"wrong type": `{"verb":7}` + "\n",
		"oversize":   `{"verb":"switch","text":"` + strings.Repeat("a", maxRequest) + "\"}\n",
	} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go fmt.Fprint(c, text)
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		if !strings.Contains(string(buf[:n]), `"error":"request: `) {
			t.Errorf("%s: answer %q", name, buf[:n])
		}
		c.Close()
	}
}

func TestARequestThatIsNoneIsRefusedInWords(t *testing.T) {
	path := serveOn(t, func(Request, *Client) Frame { return Frame{} })
	for text, want := range map[string]string{
		"GET / HTTP/1.0\n\n": "request: that is none",
		`{"verb":"sta`:       "request: it ended in the middle",
		`{"verb":7}` + "\n":  "request: not understood: ",
		`{"verb":"` + strings.Repeat("a", maxRequest+1) + "\"}\n": fmt.Sprintf("request: it has more than %d bytes", maxRequest),
	} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			fmt.Fprint(c, text)
			c.(*net.UnixConn).CloseWrite()
		}()
		var f Frame
		if err := json.NewDecoder(c).Decode(&f); err != nil || !strings.HasPrefix(f.Error, want) || f.Exit != ExitError {
			t.Errorf("%.20q: %v %+v, want %q", text, err, f, want)
		}
		c.Close()
	}
}

func TestTheLargestSystemTomlGoesThroughByteByByte(t *testing.T) {
	sent := []byte(strings.Repeat("\x00\xff<\"", system.MaxSize/4))
	same := false
	path := serveOn(t, func(req Request, _ *Client) Frame {
		same = bytes.Equal(req.Text, sent)
		return Frame{}
	})
	if f, err := Call(path, Request{Verb: "switch", File: strings.Repeat("d/", 2000), Text: sent}, func(Frame) {}); err != nil || f.Error != "" || !same {
		t.Errorf("%v %+v, arrived as it was: %v", err, f, same)
	}
}

// halfOpen makes connections that say text and nothing more.
func halfOpen(t *testing.T, path, text string, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprint(c, text)
	}
}

func TestClientsThatSayNothingDoNotLockOutThoseThatDo(t *testing.T) {
	path := serveOn(t, func(Request, *Client) Frame { return Frame{Line: "here"} })
	for name, text := range map[string]string{"nothing": "", "half a request": `{"verb":`, "much of a large one": `{"verb":"` + strings.Repeat("a", 3*fewWords)} {
		halfOpen(t, path, text, 2*maxClients)
		if f, err := Call(path, Request{Verb: "status"}, func(Frame) {}); err != nil || f.Line != "here" {
			t.Errorf("%s: %v %+v", name, err, f)
		}
	}
}

func TestOfTheClientsThatSayNothingTheOldestAreHungUpOn(t *testing.T) {
	path := serveOn(t, func(Request, *Client) Frame { return Frame{} })
	oldest, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer oldest.Close()
	halfOpen(t, path, "", maxClients)
	if text, err := io.ReadAll(oldest); err != nil || len(text) > 0 { // one whose time is over is told so
		t.Errorf("the oldest was told %q, %v; want the end alone", text, err)
	}
}

func TestMoreClientsThanAreServedAreToldSo(t *testing.T) {
	path := serveOn(t, func(req Request, c *Client) Frame {
		if req.Verb != "status" { // the others stay
			c.Write(Frame{Line: "served"})
			<-c.Gone
		}
		return Frame{}
	})
	stay := func(request string, n int) {
		for range n {
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			fmt.Fprintln(c, request)
			var f Frame
			if err := json.NewDecoder(c).Decode(&f); err != nil || f.Line != "served" {
				t.Fatalf("%v %+v", err, f)
			}
		}
	}
	refused := func(req Request, want string) {
		t.Helper()
		if f, err := Call(path, req, func(Frame) {}); err != nil || !strings.Contains(f.Error, want) {
			t.Errorf("%v %+v, want %q", err, f, want)
		}
	}
	stay(`{"verb":"log","follow":true}`, maxFollowers)
	refused(Request{Verb: "status", Follow: true}, "24 clients follow a log already")
	stay(`{"verb":"switch"}`, maxClients-maxFollowers)
	refused(Request{Verb: "status"}, "32 clients are being served already")
}

func TestAPanicOverARequestIsAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go Serve(l, func(Request, *Client) Frame { panic("no") }, func(_ string, f func()) {
		defer func() { _ = recover() }()
		f()
	})
	for range 2 * maxClients { // none of them keeps its place
		if f, err := Call(path, Request{Verb: "status"}, func(Frame) {}); err != nil || !strings.Contains(f.Error, "panicked") || f.Exit != ExitError {
			t.Fatalf("%v %+v", err, f)
		}
	}
}

func TestEverybodyLooksAndOperatorsChange(t *testing.T) {
	if os.Getenv("CONTROL_CLIENT") != "" {
		f, err := Call(os.Getenv("CONTROL_CLIENT"), Request{Verb: os.Getenv("CONTROL_VERB")}, func(Frame) {})
		fmt.Println("served", "["+f.Error+"]", err)
		return
	}
	if os.Getuid() != 0 {
		t.Fatal("this test changes its user: run it as root")
	}
	path := serveOn(t, func(Request, *Client) Frame { return Frame{} })
	copied := openToNobody(t, path)
	for _, c := range []struct {
		mode         os.FileMode
		verb, groups string
		want         string
	}{
		{0o600, "status", "", ErrNotRoot.Error()},
		{0o666, "status", "", "served [] <nil>"},
		{0o666, "switch", "", "user 65534 may not do this: it is for root and the group operator; groups = [\"operator\"] in"},
		{0o666, "switch", "100", "user 65534 may not do this"},
		{0o666, "switch", "100,65532", "served [] <nil>"},
		{0o666, "text", "", "user 65534 may not do this"},
		{0o666, "status " + strings.Repeat("x", fewWords), "", "request: it has more than 4096 bytes"},
	} {
		os.Chmod(path, c.mode)
		if out := asNobody(t, copied, path, c.verb, c.groups); !strings.Contains(out, c.want) {
			t.Errorf("%04o, %.20s, groups %q: answer %q, want %q", c.mode, c.verb, c.groups, out, c.want)
		}
	}
}

// Who may only look takes the places of nobody else.
func TestWhoLooksKeepsNobodyFromRepairing(t *testing.T) {
	if os.Getenv("CONTROL_FLOOD") != "" {
		var open []net.Conn
		for range 4 * maxOthers {
			c, err := net.Dial("unix", os.Getenv("CONTROL_FLOOD"))
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
		}
		fmt.Println("flooded")
		io.Copy(io.Discard, os.Stdin)
		_ = open
		return
	}
	path := serveOn(t, func(Request, *Client) Frame { return Frame{} })
	silent, err := net.Dial("unix", path) // root's, who thinks before it speaks
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	program := openToNobody(t, path)
	cmd := exec.Command(program, "-test.run=TestWhoLooksKeepsNobodyFromRepairing")
	cmd.Env = append(os.Environ(), "CONTROL_FLOOD="+path)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "flooded\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := silent.Write([]byte("{\"verb\":\"switch\"}\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(silent).ReadString('\n'); !strings.Contains(line, "\"last\":true") || strings.Contains(line, "error") {
		t.Errorf("%q, %v", line, err)
	}
}

// openToNobody lets every user reach the socket, and a copy of this program beside it.
func openToNobody(t *testing.T, path string) (program string) {
	t.Helper()
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(filepath.Dir(path), "client")
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

// asNobody runs the client of TestEverybodyLooksAndOperatorsChange.
func asNobody(t *testing.T, program, path, verb, groups string) string {
	t.Helper()
	cmd := exec.Command(program, "-test.run=TestEverybodyLooksAndOperatorsChange")
	cmd.Env = append(os.Environ(), "CONTROL_CLIENT="+path, "CONTROL_VERB="+verb)
	cmd.Dir = "/"
	credential := &syscall.Credential{Uid: 65534, Gid: 65534}
	for _, g := range strings.Split(groups, ",") {
		if gid, err := strconv.Atoi(g); err == nil {
			credential.Groups = append(credential.Groups, uint32(gid))
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("client: %v\n%s", err, out)
	}
	return string(out)
}

func TestWithoutAServerTheErrorSaysSo(t *testing.T) {
	_, err := Call(filepath.Join(t.TempDir(), "none"), Request{}, func(Frame) {})
	if err != ErrNoInit {
		t.Errorf("error %v, want ErrNoInit", err)
	}
}
