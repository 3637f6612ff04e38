package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"
)

func noise(size int) []byte {
	b := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(b)
	return b
}

func ask(name string, options ...string) []byte {
	return append([]byte{0, opRead}, strings.Join(append([]string{name, "octet"}, options...), "\x00")+"\x00"...)
}

func ack(n int64) []byte {
	return binary.BigEndian.AppendUint16([]byte{0, opAck}, uint16(n))
}

func begun(t *testing.T, file File, packet []byte) (*Transfer, [][]byte) {
	t.Helper()
	r, err := ParseRequest(packet)
	if err != nil {
		t.Fatal(err)
	}
	tr, out, err := Begin(time.Unix(0, 0), r, file)
	if err != nil {
		t.Fatal(err)
	}
	return tr, out
}

// A client as RFC 7440 describes it: it acknowledges the last block of a window, or the last one before a gap.
type client struct {
	block, window, got int64
	in                 int64 // of the window
	data               []byte
	over               bool
}

func (c *client) take(packet []byte) (answer []byte) {
	switch binary.BigEndian.Uint16(packet) {
	case opOACK:
		return ack(0)
	case opData:
		n := c.got + int64(int16(binary.BigEndian.Uint16(packet[2:])-uint16(c.got)))
		if n != c.got+1 {
			c.in = 0
			return ack(c.got)
		}
		c.got++
		c.data = append(c.data, packet[4:]...)
		c.over = int64(len(packet)-4) < c.block
		if c.in++; c.in == c.window || c.over {
			c.in = 0
			return ack(c.got)
		}
	}
	return nil
}

// One of five packets is lost in each direction.
func TestALossyNetworkLosesNothing(t *testing.T) {
	for _, test := range []struct {
		size    int
		block   int64
		window  int64
		options []string
	}{
		{0, 512, 1, nil}, {511, 512, 1, nil}, {512, 512, 1, nil}, {100_000, 512, 1, nil},
		{100_000, 1428, 1, []string{"blksize", "1428", "tsize", "0"}}, {100_000, 8, 1, []string{"blksize", "8"}},
		{200_000, 1000, 16, []string{"blksize", "1000", "windowsize", "16", "timeout", "2"}},
		{70_000 * 8, 8, 32, []string{"blksize", "8", "windowsize", "32"}}, // block numbers go round
	} {
		t.Run(fmt.Sprint(test.size, test.options), func(t *testing.T) {
			random, data := rand.New(rand.NewSource(1)), noise(test.size)
			tr, out := begun(t, File{"image", bytes.NewReader(data), int64(len(data))}, ask("image", test.options...))
			c := &client{block: test.block, window: test.window}
			now := time.Unix(0, 0)
			for steps := 0; ; steps++ {
				if over, err := tr.Done(); over {
					if err != nil {
						if errors.Is(err, ErrSilent) && c.over { // its last word was lost, each time
							break
						}
						t.Fatal(err)
					}
					break
				}
				var answers [][]byte
				for _, packet := range out {
					if random.Intn(5) > 0 {
						if a := c.take(packet); a != nil && random.Intn(5) > 0 {
							answers = append(answers, a)
						}
					}
				}
				out = nil
				for _, a := range answers {
					out = append(out, tr.Receive(now, a)...)
				}
				if len(answers) == 0 {
					now = tr.Deadline()
					out = tr.Expire(now)
				}
				if steps > 1_000_000 {
					t.Fatal("it goes on for ever")
				}
			}
			if !bytes.Equal(c.data, data) {
				t.Errorf("%d bytes have come, of %d", len(c.data), len(data))
			}
		})
	}
}

// Answering a second acknowledgement would have each block sent twice from then on.
func TestASecondAcknowledgementIsNotAnswered(t *testing.T) {
	tr, _ := begun(t, File{"", bytes.NewReader(noise(5000)), 5000}, ask("x"))
	now := time.Unix(0, 0)
	if out := tr.Receive(now, ack(1)); len(out) != 1 {
		t.Errorf("%d packets", len(out))
	}
	for _, n := range []int64{1, 0, 7, 65535} {
		if out := tr.Receive(now, ack(n)); len(out) != 0 {
			t.Errorf("acknowledgement of %d: %d packets", n, len(out))
		}
	}
}

func TestRefusals(t *testing.T) {
	file := File{"recovery.bin", bytes.NewReader(nil), 0}
	for _, test := range []struct {
		packet string
		code   byte
		want   string
	}{
		{"\x00\x02recovery.bin\x00octet\x00", codeDenied, "wants to write"},
		{"\x00\x01../etc/shadow\x00octet\x00", codeNotFound, `asks for "../etc/shadow", and there is only recovery.bin`},
		{"\x00\x01recovery.bin\x00netascii\x00", codeIllegal, `asks for mode "netascii"`},
		{"\x00\x01recovery.bin\x00octet\x00blksize\x001\x00", codeOption, "asks for blocks of 1 bytes"},
	} {
		r, err := ParseRequest([]byte(test.packet))
		if err != nil {
			t.Fatal(err)
		}
		_, out, err := Begin(time.Unix(0, 0), r, file)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(out) != 1 || out[0][1] != opError || out[0][3] != test.code {
			t.Errorf("%q: %v, %q", test.packet, err, out)
		}
	}
	for _, packet := range []string{"", "\x00\x01", "\x00\x03\x00\x01", "\x00\x01name", "\x00\x01\x00octet\x00", "\x00\x04\x00\x00"} {
		if r, err := ParseRequest([]byte(packet)); err == nil {
			t.Errorf("%q is %+v", packet, r)
		}
	}
}

func TestTheEndsOfATransfer(t *testing.T) {
	tr, _ := begun(t, File{"", bytes.NewReader(noise(5000)), 5000}, ask("x"))
	tr.Receive(time.Unix(0, 0), []byte("\x00\x05\x00\x03disk full\x00"))
	if over, err := tr.Done(); !over || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "disk full (code 3)") {
		t.Error(over, err)
	}
	tr, _ = begun(t, File{"", bytes.NewReader(noise(5000)), 5000}, ask("x"))
	for range 100 {
		tr.Expire(tr.Deadline())
	}
	if over, err := tr.Done(); !over || !errors.Is(err, ErrSilent) {
		t.Error(over, err)
	}
}

func FuzzPackets(f *testing.F) {
	f.Add(ask("image", "blksize", "1428", "windowsize", "4"), ack(1))
	f.Fuzz(func(t *testing.T, first, next []byte) {
		r, err := ParseRequest(first)
		if err != nil {
			return
		}
		data := noise(100_000)
		tr, out, err := Begin(time.Unix(0, 0), r, File{"", bytes.NewReader(data), int64(len(data))})
		if err != nil {
			return
		}
		for range 10 {
			out = append(out, tr.Receive(time.Unix(0, 0), next)...)
		}
		for _, packet := range out {
			if len(packet) > 4+mostBlock {
				t.Fatalf("%d bytes in a packet", len(packet))
			}
		}
	})
}
