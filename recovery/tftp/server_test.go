package tftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bantam/netcfg/netlab"
)

// A stand is a server in a network of its own, which has it on the test's own thread alone: so it serves there.
type stand struct {
	t      *testing.T
	server *Server
	mu     sync.Mutex
	lines  []string
}

func open(t *testing.T, file File) *stand {
	t.Helper()
	server, err := Listen(netip.MustParseAddrPort("127.0.0.1:69"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &stand{t: t, server: server}
	server.Say = func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, line)
	}
	server.Put(file)
	return s
}

func (s *stand) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// serves serves until a program has ended, and gives what it has said.
func (s *stand) serves(args ...string) (out string, err error) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), args[0], args[1:]...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx, end := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		end()
	}()
	if err := s.server.Serve(ctx, false); !errors.Is(err, context.Canceled) {
		s.t.Error(err)
	}
	return text.String(), <-ended
}

// Other programs fetch files, of all lengths at which something may go wrong.
func TestOtherClientsFetchFiles(t *testing.T) {
	lab := netlab.New(t, "curl:curl", "tftp:tftp-hpa")
	s := open(t, File{})
	for _, size := range []int{0, 1, 511, 512, 513, 1024, 3_000_000} {
		data := noise(size)
		s.server.Put(File{"image", bytes.NewReader(data), int64(size)})
		to := filepath.Join(lab.Dir, fmt.Sprint(size))
		for name, args := range map[string][]string{
			"curl":               {"curl", "--silent", "--show-error", "--fail", "tftp://127.0.0.1/image", "-o", to},
			"curl, large blocks": {"curl", "--silent", "--show-error", "--fail", "--tftp-blksize", "1428", "tftp://127.0.0.1/image", "-o", to},
			"curl, no options":   {"curl", "--silent", "--show-error", "--fail", "--tftp-no-options", "tftp://127.0.0.1/image", "-o", to},
			"tftp-hpa":           {"tftp", "-m", "binary", "127.0.0.1", "-c", "get", "image", to},
		} {
			if size == 0 && args[0] == "curl" {
				continue // curl 7.88 fetches it and then asks a socket for its peer that has none
			}
			out, err := s.serves(args...)
			if got, readErr := os.ReadFile(to); err != nil || size > 0 && !bytes.Equal(got, data) {
				t.Errorf("%s, %d bytes: got %d, %v, %v\n%s%s", name, size, len(got), err, readErr, out, s.said())
			}
			os.Remove(to)
		}
	}
	if out, err := s.serves("curl", "--silent", "--show-error", "tftp://127.0.0.1/other"); err == nil || !strings.Contains(s.said(), `asks for "other", and there is only image`) {
		t.Errorf("another file: %v, %s; %s", err, out, s.said())
	}
	if out, err := s.serves("curl", "--silent", "--show-error", "--upload-file", "server_test.go", "tftp://127.0.0.1/image"); err == nil || !strings.Contains(s.said(), "wants to write") {
		t.Errorf("a file that is brought: %v, %s; %s", err, out, s.said())
	}
}

func TestItEndsWhenTheFileWasFetchedWhole(t *testing.T) {
	lab := netlab.New(t, "curl:curl")
	s := open(t, File{"", bytes.NewReader(noise(100_000)), 100_000})
	first, err := net.Dial("udp4", "127.0.0.1:69")
	if err != nil {
		t.Fatal(err)
	}
	other, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)}}).Dial("udp4", "127.0.0.1:69")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	// The board that asks, is reset and asks again; in between somebody else asks.
	curl := exec.Command("sh", "-c", "read go; curl --silent --show-error --fail tftp://127.0.0.1/any -o /dev/null")
	reset, err := curl.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	lab.Begin(curl)
	answer := make(chan string, 1)
	go func() {
		first.Write(ask("some/name"))
		for !strings.Contains(s.said(), `127.0.0.1 fetches "some/name"`) {
			time.Sleep(10 * time.Millisecond)
		}
		other.Write(ask("x"))
		b := make([]byte, 600)
		n, _ := other.Read(b)
		answer <- string(b[:n])
		first.Close()
		reset.Write([]byte("\n"))
	}()
	if err := s.server.Serve(t.Context(), true); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "\x00\x05\x00\x00busy\x00" {
		t.Errorf("a second client got %q", got)
	}
	for _, want := range []string{"127.0.0.9 asks, too, and is refused: 127.0.0.1 has it", "127.0.0.1 begins anew", "127.0.0.1 has fetched it whole"} {
		if !strings.Contains(s.said(), want) {
			t.Errorf("no %q in %s", want, s.said())
		}
	}
}

func TestWhyItCannotListen(t *testing.T) {
	netlab.New(t)
	open(t, File{})
	for at, want := range map[string]error{"192.168.1.10:69": ErrNoAddress, "127.0.0.1:69": ErrInUse} {
		if s, err := Listen(netip.MustParseAddrPort(at)); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", at, s, err)
		}
	}
}
