package serial

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// typed is what a text means, as one text.
func typed(text string) string {
	var keys Keys
	var words []string
	var send []byte
	for _, c := range []byte(text + "\x00") { // which no test types
		action, bytes := keys.Type(c)
		if action == Send && c != 0 {
			send = append(send, bytes...)
			continue
		}
		if len(send) > 0 {
			words = append(words, fmt.Sprintf("%q", send))
		}
		if send = nil; action != Send {
			words = append(words, action.String())
		}
	}
	return strings.Join(words, " ")
}

func TestCommandsAreThoseAtTheBeginningOfALine(t *testing.T) {
	for _, test := range []struct{ typed, want string }{
		{"ls\r", `"ls\r"`},
		{"~.", "leave"},
		{"ls\r~.", `"ls\r" leave`},
		{"a~.", `"a~."`},
		{"\n~?", `"\n" help`},
		{"~B~>~L", "break send a file log"},
		{"~~.", `"~."`},
		{"~~\r~.", `"~\r" leave`},
		{"~x", `"~x"`},
		{"~/bin\r~.", `"~/bin\r" leave`},
		{"~\r~.", `"~\r" leave`},
		{"~?~.", "help leave"},
		{"~", ""},
	} {
		if got := typed(test.typed); got != test.want {
			t.Errorf("%q: got %s, want %s", test.typed, got, test.want)
		}
	}
}

// A device with a buffer of 16 bytes takes one in the time of two on the line, and nothing at all for a while after each line.
func TestAPasteIsNotTooMuchForADeviceWithoutFlowControl(t *testing.T) {
	paste := []byte(strings.Repeat("set network.lan.address 192.168.1.1/24\r", 50) + strings.Repeat("x", 1000) + "\n\n\r\r")
	for _, baud := range []int{300, 9600, 57600, 115200, 1_500_000} {
		p := Pace{Baud: baud, Line: 50 * time.Millisecond}
		perByte := bitsPerByte * time.Second / time.Duration(baud)
		var now, ready time.Duration // ready: when the device takes the next byte out of its buffer
		var buffer []byte
		for left := paste; len(left) > 0; {
			n, rest := p.Next(left)
			if n < 1 || n > len(left) {
				t.Fatalf("%d of %d bytes", n, len(left))
			}
			for _, c := range left[:n] {
				now += perByte
				buffer = append(buffer, c)
				for len(buffer) > 0 && ready <= now {
					taken := buffer[0]
					buffer, ready = buffer[1:], max(ready, now)+2*perByte
					if taken == '\r' || taken == '\n' {
						ready += p.Line - perByte
					}
				}
				if len(buffer) > fifo {
					t.Fatalf("%d baud: byte %d is lost", baud, len(paste)-len(left))
				}
			}
			left = left[n:]
			now += rest
			for len(buffer) > 0 && ready <= now {
				taken := buffer[0]
				buffer, ready = buffer[1:], ready+2*perByte
				if taken == '\r' || taken == '\n' {
					ready += p.Line - perByte
				}
			}
		}
		if least, most := 2*perByte*time.Duration(len(paste)), 3*perByte*time.Duration(len(paste))+60*p.Line; now < least || now > most {
			t.Errorf("%d baud: it takes %v, want %v to %v", baud, now, least, most)
		}
	}
}
