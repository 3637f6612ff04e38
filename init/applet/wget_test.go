package applet

import (
	"net"
	"os"
	"strings"
	"testing"
)

// httpServer answers each request line with what answers has for its path; HOST
// there stands for the server's own address.
func httpServer(t *testing.T, answers map[string]string) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 4096)
			n, _ := conn.Read(request)
			fields := strings.Fields(string(request[:n]))
			answer := "HTTP/1.1 404 Not Found\r\n\r\n"
			if len(fields) > 1 && answers[fields[1]] != "" {
				answer = strings.ReplaceAll(answers[fields[1]], "HOST", host)
			}
			conn.Write([]byte(answer))
			conn.Close()
		}
	}()
	return host
}

func TestWgetFollowsEveryKindOfRedirect(t *testing.T) {
	redirect := func(to string) string { return "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\n\r\n" }
	host := httpServer(t, map[string]string{
		"/absolute":                     redirect("http://HOST/end"),
		"/rooted":                       redirect("/end#part"),
		"/dir/relative":                 redirect("../end"),
		"/dir/../end":                   redirect("/end"),
		"/other":                        redirect("//HOST/end"),
		"/query":                        redirect("/login?next=http://elsewhere/"),
		"/login?next=http://elsewhere/": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend",
		"/end":                          "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend",
	})
	for _, path := range []string{"/absolute", "/rooted", "/dir/relative", "/other", "/query", "/login?next=http://elsewhere/"} {
		var out, errs strings.Builder
		code, _ := Run("wget", []string{"-q", "-O", "-", "http://" + host + path}, Stdio{strings.NewReader(""), &out, &errs})
		if code != 0 || out.String() != "end" {
			t.Errorf("%s: status %d, %q; %s", path, code, out.String(), errs.String())
		}
		out.Reset()
		errs.Reset()
		if code, _ := Run("wget", []string{"-q", "-O", "-", host + path}, Stdio{strings.NewReader(""), &out, &errs}); code != 0 || out.String() != "end" {
			t.Errorf("%s without http://: status %d, %q; %s", path, code, out.String(), errs.String())
		}
	}
}

func TestWgetLeavesNothingOfAnAnswerThatIsNotWhole(t *testing.T) {
	host := httpServer(t, map[string]string{
		"/short":   "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nhalf of it",
		"/chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"/size":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
		"/gzip":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"/hostile": "HTTP/1.1 500 \x1b[2J\r\n\r\n",
	})
	for _, path := range []string{"/short", "/chunk", "/size", "/gzip", "/missing", "/hostile"} {
		dir := t.TempDir()
		var out, errs strings.Builder
		code, _ := Run("wget", []string{"-q", "-P", dir, "http://" + host + path}, Stdio{strings.NewReader(""), &out, &errs})
		left, _ := os.ReadDir(dir)
		if code != 1 || len(left) != 0 || strings.Contains(errs.String(), "\x1b") {
			t.Errorf("%s: status %d, left %v, said %q", path, code, left, errs.String())
		}
	}
}
