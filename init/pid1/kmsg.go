package pid1

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Level is a kernel log level.
type Level int

// The levels in use. The rule, on every board: Critical and Error also appear on
// the consoles, between whatever is there; they are for what nobody else tells a
// person. The rest is for the log, because the verb, the greeting, the status or
// the rescue shell tells it, and nobody gets a line twice. See quietConsole.
const (
	Critical Level = 2
	Error    Level = 3
	Warning  Level = 4
	Notice   Level = 5
	Info     Level = 6
	Debug    Level = 7
)

// quietConsole is the value of kernel.printk that keeps Warning and above off the
// consoles, as the word quiet has the kernel do from its first line on; "" where
// the command line asks for something else.
func quietConsole(c Cmdline) string {
	for _, word := range []string{"loglevel", "debug", "ignore_loglevel"} {
		if _, ok := c.Get(word); ok {
			return ""
		}
	}
	return fmt.Sprint(int(Warning))
}

// Logf writes to the kernel log, one record for each line. It never blocks on
// a console and never fails; before /dev exists it writes to descriptor 2.
func Logf(level Level, format string, args ...any) {
	kmsg.Lock()
	defer kmsg.Unlock()
	for _, record := range records(level, fmt.Sprintf(format, args...)) {
		if kmsg.fd < 0 {
			kmsg.fd, _ = unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		}
		if kmsg.fd >= 0 {
			_, _ = unix.Write(kmsg.fd, []byte(record))
			continue
		}
		_, text, _ := strings.Cut(record, ">")
		_, _ = unix.Write(2, []byte(text+"\n"))
	}
}

var kmsg = struct {
	sync.Mutex
	fd int
}{fd: -1}

// records splits text into what /dev/kmsg accepts: it refuses with EINVAL more
// than about 1,000 bytes in a write.
func records(level Level, text string) (list []string) {
	const daemon, limit = 3 << 3, 900
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		for line != "" {
			n := min(len(line), limit)
			for n < len(line) && n > limit-utf8.UTFMax && !utf8.RuneStart(line[n]) {
				n--
			}
			list = append(list, fmt.Sprintf("<%d>bantam: %s", daemon|int(level), line[:n]))
			line = line[n:]
		}
	}
	return list
}

// OutputToKmsg turns descriptors 1 and 2 of this process, where Go's runtime
// writes its last words, to the kernel log: a console whose user pressed
// Ctrl-S would block the writer. It also lifts the kernel's limit of ten
// records in five seconds. Call it once /dev and /proc are mounted.
func OutputToKmsg() error {
	if err := SetSysctl("kernel.printk_devkmsg", "on"); err != nil {
		Logf(Debug, "%v", err) // the command line has set it for good
	}
	fd, err := unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open /dev/kmsg: %w", err)
	}
	defer unix.Close(fd)
	for _, std := range []int{1, 2} {
		if err := unix.Dup3(fd, std, 0); err != nil {
			return fmt.Errorf("dup3 /dev/kmsg to %d: %w", std, err)
		}
	}
	return nil
}
