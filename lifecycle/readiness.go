package lifecycle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What makes a service ready.
const (
	ReadyStarted = "started"
	ReadyExited  = "exited" // it stays ready without a process
	ReadyNotify  = "notify"
	ReadyTCP     = "tcp/" // with the number of a port
)

// Readiness is one of the ways to become ready.
type Readiness struct {
	Word  string // e.g. notify, tcp/PORT
	Means string // for people
}

// Readinesses are all of them. A new one is one more here, and in the supervisor
// what waits for it (supervise.awaitReadiness).
var Readinesses = []Readiness{
	{ReadyStarted, "it runs"},
	{ReadyExited, "status 0"},
	{ReadyNotify, "newline on descriptor $NOTIFY_FD"},
	{ReadyTCP + "PORT", "it listens"},
}

// ErrPort is the error of tcp/ without a good port.
var ErrPort = errors.New("is not a port between 1 and 65535")

// ParseReadiness reads what system.toml says makes a service ready: a word, e.g.
// ReadyNotify, and the port of ReadyTCP. The error is ErrPort, or names the words.
func ParseReadiness(text string) (word string, port uint16, err error) {
	if number, tcp := strings.CutPrefix(text, ReadyTCP); tcp {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || number != strconv.FormatUint(n, 10) {
			return "", 0, fmt.Errorf("%q %w", number, ErrPort)
		}
		return ReadyTCP, uint16(n), nil
	}
	var words []string
	for _, r := range Readinesses {
		if r.Word == text {
			return text, 0, nil
		}
		words = append(words, r.Word)
	}
	return "", 0, fmt.Errorf("%q is none of %s", text, strings.Join(words, ", "))
}
