package applet

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestNcSendsItsInputToAPeerThatOnlyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		conn.(*net.TCPConn).CloseWrite()
		text, _ := io.ReadAll(conn)
		got <- string(text)
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	var out, errs strings.Builder
	code, _ := Run("nc", []string{"-w", "5", host, port}, Stdio{strings.NewReader("hello\n"), &out, &errs})
	if text := <-got; code != 0 || text != "hello\n" {
		t.Errorf("status %d, the peer got %q; %s", code, text, errs.String())
	}
}

func TestNcListensAndPrintsWhatComes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	var out, errs strings.Builder
	ended := make(chan int, 1)
	go func() {
		code, _ := Run("nc", []string{"-l", "127.0.0.1", port}, Stdio{strings.NewReader("answer\n"), &out, &errs})
		ended <- code
	}()
	var conn net.Conn
	for conn == nil {
		conn, _ = net.Dial("tcp", "127.0.0.1:"+port)
		select {
		case code := <-ended:
			t.Fatalf("ended with %d before anybody came: %s", code, errs.String())
		default:
		}
	}
	io.WriteString(conn, "question\n")
	conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	if code := <-ended; code != 0 || out.String() != "question\n" || string(answer) != "answer\n" {
		t.Errorf("status %d, printed %q, answered %q; %s", code, out.String(), answer, errs.String())
	}
}

func TestNcDoesNotGiveUpWhileItSends(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan int64, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			got <- -1
			return
		}
		defer conn.Close()
		n, _ := io.Copy(io.Discard, conn)
		got <- n
	}()
	// Input that comes for longer than -w, by far for the sake of slow hosts, as from a slow line; the peer says nothing.
	r, w := io.Pipe()
	go func() {
		for range 20 {
			w.Write(make([]byte, 500))
			time.Sleep(200 * time.Millisecond)
		}
		w.Close()
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	var out, errs strings.Builder
	code, _ := Run("nc", []string{"-w", "3", host, port}, Stdio{r, &out, &errs})
	if n := <-got; code != 0 || n != 10000 {
		t.Errorf("status %d, the peer got %d bytes, want 10000; %s", code, n, errs.String())
	}
}
