package ymodem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bantam/recovery/ymodem/ymodemtest"
	"bantam/tty"
	"bantam/tty/ttytest"
)

func noise(size int) []byte {
	b := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(b)
	return b
}

// A line loses and alters bytes.
type line struct {
	random *rand.Rand
	faulty float64 // of all bytes
}

func (l line) carry(b []byte) (out []byte) {
	for _, c := range b {
		switch {
		case l.random.Float64() >= l.faulty:
			out = append(out, c)
		case l.random.Intn(2) == 0:
			out = append(out, c^byte(1<<l.random.Intn(8)))
		}
	}
	return out
}

// Another program receives what is sent, also over a line that loses and alters bytes.
func TestRbReceivesWhatIsSent(t *testing.T) {
	if _, err := exec.LookPath("rb"); err != nil {
		t.Fatal("rb is missing: apt-get install lrzsz")
	}
	for _, size := range []int{0, 1, 127, 128, 129, 1023, 1024, 1025, 10_000, 100_000} {
		for _, faulty := range []float64{0, 0.0004} {
			if faulty > 0 && size != 10_000 {
				continue
			}
			t.Run(fmt.Sprintf("%d bytes, %v lost", size, faulty), func(t *testing.T) {
				t.Parallel()
				dir, data := t.TempDir(), noise(size)
				person, device := ttytest.Open(t)
				restore, err := tty.Set(device, tty.Raw)
				if err != nil {
					t.Fatal(err)
				}
				defer restore()
				rb := exec.CommandContext(t.Context(), "rb", "--quiet", "--overwrite")
				rb.Dir, rb.Stdin, rb.Stdout = dir, device, device
				if err := rb.Start(); err != nil {
					t.Fatal(err)
				}
				s := &Sender{Name: "image", Data: data, Baud: 1_000_000}
				drive(t, s, person, line{rand.New(rand.NewSource(7)), faulty})
				if err := rb.Wait(); err != nil {
					t.Errorf("rb: %v", err)
				}
				if got, err := os.ReadFile(filepath.Join(dir, "image")); err != nil || !bytes.Equal(got, data) {
					t.Errorf("received %d bytes of %d, %v", len(got), len(data), err)
				}
			})
		}
	}
}

// drive has a sender at work on a real terminal.
func drive(t *testing.T, s *Sender, f *os.File, l line) {
	t.Helper()
	came := make(chan []byte)
	go func() {
		for {
			b := make([]byte, 1024)
			n, err := f.Read(b)
			if err != nil {
				return
			}
			came <- b[:n]
		}
	}()
	var in []byte
	for {
		out, wake := s.Step(time.Now(), in)
		if _, err := f.Write(l.carry(out)); err != nil {
			t.Fatal(err)
		}
		if done, err := s.Done(); done {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case in = <-came:
		case <-time.After(time.Until(wake)):
			in = nil
		}
	}
}

func TestAReceiverThatGivesUpIsBelieved(t *testing.T) {
	s := &Sender{Name: "image", Data: noise(5000), Baud: 115200}
	now := time.Unix(0, 0)
	s.Step(now, nil)
	s.Step(now, []byte{want})
	s.Step(now, []byte{ack, want})
	s.Step(now, []byte{ack})
	s.Step(now, []byte{can, can})
	if done, err := s.Done(); !done || !errors.Is(err, ErrCancelled) || s.Acknowledged() != 1024 {
		t.Errorf("done %v, %v, %d bytes", done, err, s.Acknowledged())
	}
}

func TestSilenceEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		in   []byte
		want error
	}{
		{"before the start", nil, ErrNoStart},
		{"behind the header", []byte{want, ack, want}, ErrNoisy}, // which short blocks may change
		{"in front of the data", []byte{want}, ErrSilent},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Sender{Name: "image", Data: noise(5000), Baud: 115200}
			now, in := time.Unix(0, 0), test.in
			for range 10_000 {
				var first []byte
				if len(in) > 0 {
					first, in = in[:1], in[1:]
				}
				_, now = s.Step(now, first)
				if done, err := s.Done(); done {
					if !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
					return
				}
			}
			t.Error("it goes on for ever")
		})
	}
}

func TestCRC(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0x31c3 { // the check value of CRC-16/XMODEM
		t.Errorf("%#x", got)
	}
}

// Two of a hundred bytes are lost or altered, each by itself and in both directions: long blocks do not come through, short ones do.
func TestALineThatLosesTwoOfAHundredBytes(t *testing.T) {
	data := noise(16 << 10)
	for seed := range int64(20) {
		l := line{rand.New(rand.NewSource(seed)), 0.02}
		long := &Sender{Name: "image", Data: data, Baud: 115200}
		if _, err := simulate(t, long, l); !errors.Is(err, ErrNoisy) && !errors.Is(err, ErrSilent) && !errors.Is(err, ErrCancelled) {
			t.Fatalf("seed %d: long blocks: %v", seed, err)
		}
		var got []byte
		sessions := 0
		for len(got) < len(data) { // as loads go on where one has ended
			if sessions++; sessions > 500 {
				t.Fatalf("seed %d: %d of %d bytes after %d sessions", seed, len(got), len(data), sessions)
			}
			s := &Sender{Name: "image", Data: data[len(got):], Baud: 115200, Short: true}
			r, _ := simulate(t, s, l)
			part := r.Got[:min(len(r.Got), s.Acknowledged())]
			if !bytes.HasPrefix(data[len(got):], part) { // of 65536 damaged blocks one has the right sum: who loads looks at a better one
				continue
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, data) {
			t.Errorf("seed %d: other bytes have come", seed)
		}
	}
}

func simulate(t *testing.T, s *Sender, l line) (*ymodemtest.Receiver, error) {
	t.Helper()
	r := &ymodemtest.Receiver{}
	now, in := time.Unix(0, 0), []byte(nil)
	const tick = 20 * time.Millisecond
	for range 10_000_000 {
		out, wake := s.Step(now, in)
		if done, err := s.Done(); done {
			return r, err
		}
		in = l.carry(r.Step(l.carry(out), 0))
		for now.Before(wake) && len(in) == 0 {
			now = now.Add(tick)
			in = l.carry(r.Step(nil, tick))
		}
	}
	t.Fatal("it goes on for ever")
	return nil, io.ErrNoProgress
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte{want, ack, want, ack, nak, want, ack, ack})
	f.Fuzz(func(t *testing.T, answers []byte) {
		s := &Sender{Name: "x", Data: noise(3000), Baud: 9600}
		now := time.Unix(0, 0)
		for i := range 5000 {
			var in []byte
			if i < len(answers) && answers[i] != 0 {
				in = answers[i : i+1]
			}
			out, wake := s.Step(now, in)
			if done, _ := s.Done(); done {
				return
			}
			if len(out) > 1029*(len(in)+1) {
				t.Fatalf("%d bytes at once", len(out))
			}
			if len(in) == 0 {
				now = wake
			}
		}
		t.Fatal("it goes on for ever")
	})
}
