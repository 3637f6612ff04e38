package applet

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

// runWget returns what it printed on both, and its status.
func runWget(args ...string) (out, errs string, code int) {
	var o, e strings.Builder
	code, _ = Run("wget", args, Stdio{strings.NewReader(""), &o, &e})
	return o.String(), e.String(), code
}

func TestWgetKeepsWhatHasComeAndContinuesIt(t *testing.T) {
	host := httpServer(t, map[string]string{
		"/short": "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it",
		"/rest":  "HTTP/1.1 206 Partial\r\nContent-Range: bytes 10-19/20\r\nContent-Length: 10\r\n\r\n, the rest",
		"/other": "HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-19/20\r\nContent-Length: 15\r\n\r\n",
		"/whole": "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */20\r\n\r\n",
		"/less":  "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */7\r\n\r\n",
		"/again": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall",
	})
	file := filepath.Join(t.TempDir(), "file")
	for _, c := range []struct {
		path, said, left string
		code             int
	}{
		{"/short", "10 bytes before the end", "half of it", 1},
		{"/other", "another part than asked for (bytes 5-19/20)", "half of it", 1},
		{"/rest", "file: 20 bytes", "half of it, the rest", 0},
		{"/whole", "nothing is missing", "half of it, the rest", 0},
		{"/less", "has 20 bytes, and the server's has 7: it is another file", "half of it, the rest", 1},
		{"/short", "10 bytes before the end", "half of it, the rest", 1}, // of who knows no ranges all comes anew
		{"/again", "file: 3 bytes", "all", 0},
	} {
		_, said, code := runWget("-c", "-O", file, "http://"+host+c.path)
		left, _ := os.ReadFile(file)
		if code != c.code || !strings.Contains(said, c.said) || string(left) != c.left {
			t.Errorf("%s: status %d, said %q, left %q, want %d, %q, %q", c.path, code, said, left, c.code, c.said, c.left)
		}
	}
}

func TestWgetContinuesNoDevice(t *testing.T) {
	host := httpServer(t, map[string]string{"/x": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"})
	if _, errs, code := runWget("-c", "-O", "/dev/null", host+"/x"); code != 0 {
		t.Errorf("status %d, %q", code, errs)
	}
}

func TestWgetTakesAFileAsTheServerKeepsIt(t *testing.T) {
	host := httpServer(t, map[string]string{"/a.tar.gz": "HTTP/1.1 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Length: 3\r\n\r\nabc"})
	if out, errs, code := runWget("-q", "-O", "-", host+"/a.tar.gz"); code != 0 || out != "abc" {
		t.Errorf("status %d, %q, %q", code, out, errs)
	}
}

func TestWgetShowsHeadsOfAllAnswersInTheirOrder(t *testing.T) {
	host := httpServer(t, map[string]string{
		"/x": "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n",
		"/y": "HTTP/1.1 200 OK\r\nB: 1\r\nA: \x1b[2J\r\nContent-Length: 0\r\n\r\n",
	})
	want := "  302 Found\n  Location: /y\n  Content-Length: 0\n  200 OK\n  B: 1\n  A: ?[2J\n  Content-Length: 0\n"
	if _, errs, code := runWget("-S", "-O", "-", host+"/x"); code != 0 || errs != want {
		t.Errorf("status %d, got %q, want %q", code, errs, want)
	}
}

func TestWgetSaysWhyAnAddressIsNone(t *testing.T) {
	for address, want := range map[string]string{
		"HTTPS://127.0.0.1:1/":               "127.0.0.1:1: connection refused",
		"ftp://nas.example.org/":             "ftp is not supported, only http and https",
		"http://me:secret@nas.example.org/x": "a password in the URL is not supported",
		"http:///x":                          "is not a URL",
		"http://nas.example.org:port/":       "is not a URL",
		"nas.example.org/a\nb":               "is not a URL",
		"":                                   "is not a URL",
		"127.0.0.1:1/x":                      "127.0.0.1:1: connection refused",
	} {
		if _, errs, code := runWget(address); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: status %d, %q, want %q", address, code, errs, want)
		}
	}
}

func TestWgetTakesHTTPSOfServersThatSomebodyVouchesFor(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of who hangs up
	server.StartTLS()
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	redirecting := httpServer(t, map[string]string{"/x": "HTTP/1.1 302 Found\r\nLocation: " + server.URL + "/x\r\n\r\n"})
	for _, address := range []string{server.URL + "/x", redirecting + "/x"} {
		if out, errs, code := runWget("-q", "-O", "-", "--ca-certificate", authority, address); code != 0 || out != "hello" {
			t.Errorf("%s: status %d, %q, %q", address, code, out, errs)
		}
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, "--ca FILE", []string{server.URL}},
		{1, "no such file", []string{"--ca-certificate", authority + "x", server.URL}},
		{2, "no-check-certificate", []string{"--no-check-certificate", server.URL}},
		{2, "unknown option -A", []string{"-A", authority, server.URL}}, // which is GNU's for a list of what to accept
	} {
		if out, errs, code := runWget(append([]string{"-O", "-"}, c.args...)...); code != c.code || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%q: status %d, %q, %q; want %d, %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

func TestWgetNamesFilesAsTheyStandInTheAddress(t *testing.T) {
	for address, want := range map[string]string{
		"http://nas/dir/a%20b.img?x=/y#/z": "a%20b.img", "nas/ü.txt": "ü.txt", "nas": "index.html", "http://nas/": "index.html",
		"nas/dir/": "dir", "nas?x": "index.html", "nas/.": "index.html", "nas/a#b": "a",
	} {
		if got := nameIn(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
