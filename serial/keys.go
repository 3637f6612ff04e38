package serial

import "fmt"

// An Action is what the session has to do for typed keys.
type Action int

const (
	Send     Action = iota // bytes to the line
	Leave                  // end the session
	Help                   // show what there is
	Break                  // a break on the line
	SendFile               // ask for a file and send it
	LogFile                // ask for a file and keep there what comes, or keep nothing any more
)

// Escape begins a command at the beginning of a line, as with ssh.
const Escape = '~'

// HelpText is what Help shows.
const HelpText = `~.  leave                     ~B  send a break
~>  send a file               ~L  keep what comes in a file, or stop that
~~  send one ~                ~?  this list
Only at the beginning of a line, as with ssh. Ctrl-C while a file or a paste is being sent drops the rest.
`

// Keys tells commands from what is meant for the device. The zero value is at the beginning of a line.
type Keys struct {
	inLine  bool // something was typed since the last Enter
	escaped bool // the Escape was typed, and waits for what follows
}

// commands are the keys behind an Escape.
var commands = map[byte]Action{'.': Leave, '?': Help, 'B': Break, '>': SendFile, 'L': LogFile}

// Type takes one byte of what is typed, and says what to do; of Send with which bytes, maybe none.
func (k *Keys) Type(c byte) (action Action, bytes []byte) {
	if k.escaped {
		k.escaped = false
		if action, ok := commands[c]; ok {
			return action, nil // still at the beginning of the line
		}
		if c != Escape {
			bytes = append(bytes, Escape)
		}
	} else if c == Escape && !k.inLine {
		k.escaped = true
		return Send, nil
	}
	k.inLine = c != '\r' && c != '\n'
	return Send, append(bytes, c)
}

func (a Action) String() string {
	names := [...]string{"send", "leave", "help", "break", "send a file", "log"}
	if int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("action %d", int(a))
}
