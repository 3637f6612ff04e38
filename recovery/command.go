package recovery

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bantam/board"
	"bantam/printable"
)

const ctrlC = 'C' - '@'

// How long a boot loader may take.
const (
	echoPatience    = 1500 * time.Millisecond // to show what was typed
	commandPatience = 15 * time.Second        // to do what needs no medium
	mostTries       = 40                      // of a command whose echo comes back as something else
	typedAtOnce     = 16                      // bytes: the buffer of the commonest UART
)

// A loader is a boot loader that shows its prompt.
type loader struct {
	*line
	rescue board.Rescue
	say    func(format string, args ...any)
}

var errAway = errors.New("the boot loader does not show its prompt any more: was the board reset, or switched off?")

// A RefusedError is a command that the boot loader has not done.
type RefusedError struct {
	Command string
	Said    string
}

func (e *RefusedError) Error() string {
	said := strings.Join(strings.Fields(printable.Line(strings.NewReplacer("\r", " ", "\n", " ").Replace(e.Said))), " ")
	return fmt.Sprintf("the boot loader answers `%s` with: %s", e.Command, said)
}

// atPrompt says whether the last thing that has come is the prompt.
func (l *loader) atPrompt() bool { return bytes.HasSuffix(l.in, []byte(l.rescue.Prompt)) }

// calm has the boot loader drop what is typed, and show its prompt.
func (l *loader) calm() error {
	for range mostTries {
		l.drop()
		l.send(ctrlC)
		if _, err := l.until(l.rescue.Prompt, echoPatience); err == nil {
			if err := l.quiet(50*time.Millisecond, time.Second); err != nil {
				return err
			}
			l.drop()
			return nil
		} else if !errors.Is(err, errTimeout) {
			return err
		}
	}
	return errAway
}

// enter types a command, up to the key that has it done. Of a line that loses bytes each is only believed when it has come back.
func (l *loader) enter(command string) error {
	for range mostTries {
		if err := l.calm(); err != nil {
			return err
		}
		whole := true
		for rest := command; rest != "" && whole; {
			n := min(len(rest), typedAtOnce)
			l.drop()
			l.sendText(rest[:n])
			_, err := l.until(rest[:n], echoPatience)
			if err != nil && !errors.Is(err, errTimeout) {
				return err
			}
			whole, rest = err == nil, rest[n:]
		}
		if whole {
			return nil
		}
	}
	return fmt.Errorf("typed `%s` %d times, and it never came back whole: the line loses too much", command, mostTries)
}

// run types a command, has it done, and gives what it has said.
func (l *loader) run(command string, limit time.Duration) (said string, err error) {
	for range mostTries {
		if err := l.enter(command); err != nil {
			return "", err
		}
		l.drop()
		l.send('\r')
		said, err = l.until("\n"+l.rescue.Prompt, limit)
		if errors.Is(err, errTimeout) { // the prompt was lost on its way, or the key: of that nothing has come back
			said = string(l.in)
			if err = l.calm(); err == nil && said == "" {
				continue
			}
		}
		break
	}
	if err != nil {
		return said, err
	}
	for _, sign := range l.rescue.Failed {
		if strings.Contains(said, sign) {
			return said, &RefusedError{command, said}
		}
	}
	return said, nil
}

// all runs several commands, and gives what they have said.
func (l *loader) all(commands []string, v values, limit time.Duration) (said string, err error) {
	for _, command := range commands {
		text, err := l.run(v.in(command), limit)
		if said += text; err != nil {
			return said, err
		}
	}
	return said, nil
}

// values are what stands for places in commands.
type values struct {
	address, bytes, offset, block int64
	baud, port                    int
	file, host, board             string
}

// in puts the values into a command. Numbers are hexadecimal, as U-Boot reads them, but speeds and ports.
func (v values) in(command string) string {
	hex := func(n int64) string { return strconv.FormatInt(n, 16) }
	unit := max(v.block, 1)
	return strings.NewReplacer(
		"{address}", hex(v.address), "{bytes}", hex(v.bytes), "{words}", hex((v.bytes+3)/4), "{offset}", hex(v.offset),
		"{block}", hex(v.offset/unit), "{count}", hex((v.bytes+unit-1)/unit),
		"{baud}", strconv.Itoa(v.baud), "{port}", strconv.Itoa(v.port), "{file}", v.file, "{host}", v.host, "{board}", v.board).Replace(command)
}

// sum has the boot loader say the CRC-32 of memory.
func (l *loader) sum(v values) (uint32, error) {
	re := regexp.MustCompile(l.rescue.SumSays) // it was checked
	for range mostTries {
		said, err := l.run(v.in(l.rescue.Sum), commandPatience+time.Duration(v.bytes>>20)*time.Second)
		if err != nil {
			return 0, err
		}
		if found := re.FindStringSubmatch(said); found != nil {
			if sum, err := strconv.ParseUint(found[1], 16, 32); err == nil {
				return uint32(sum), nil
			}
		}
	}
	return 0, fmt.Errorf("what `%s` says has no sum as the board's file describes it: [rescue] sum_says", v.in(l.rescue.Sum))
}

// holds says whether memory has the sum that is wanted. A line may alter an answer, hardly twice in the same way.
func (l *loader) holds(v values, want uint32) (bool, error) {
	var last uint32
	for i := range 4 {
		got, err := l.sum(v)
		if err != nil || got == want {
			return err == nil, err
		}
		if i > 0 && got == last {
			break
		}
		last = got
	}
	return false, nil
}
