package applet

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bantam/boottime"
)

// dmesg prints the kernel's messages. -c is refused: it would take them from
// everybody else.
func dmesg(c *call, args []string) int {
	opts, operands, err := parseOptions("wTrl:tH", map[string]byte{"follow": 'w', "ctime": 'T', "level": 'l'}, args)
	if err != nil || len(operands) > 0 {
		return c.misuse("%v", errors.Join(err, unexpected(operands)))
	}
	limit := 7
	if text := opts.value('l', ""); text != "" {
		names := "emerg alert crit err warn notice info debug"
		if i := strings.Index(" "+names+" ", " "+text+" "); i >= 0 {
			limit = strings.Count(names[:i], " ")
		} else if limit, err = strconv.Atoi(text); err != nil {
			return c.misuse("-l: one of %s", names)
		}
	}
	flags := syscall.O_RDONLY | syscall.O_CLOEXEC
	if !opts.has('w') {
		flags |= syscall.O_NONBLOCK
	}
	// Not os.Open: each read returns one record, and EPIPE means that older
	// ones were overwritten while we read.
	fd, err := syscall.Open("/dev/kmsg", flags, 0)
	if err != nil {
		return c.fail("/dev/kmsg", err)
	}
	defer syscall.Close(fd)
	boot := time.Now().Add(-boottime.Now())
	buffer := make([]byte, 8192)
	for {
		n, err := syscall.Read(fd, buffer)
		switch {
		case err == syscall.EPIPE || err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN || n == 0 && err == nil:
			return 0
		case err != nil:
			return c.fail("/dev/kmsg", err)
		}
		record := string(buffer[:n])
		if opts.has('r') {
			c.printf("%s", record)
		} else if level, line, ok := kernelMessage(record, boot, opts.has('T') || opts.has('H'), opts.has('t')); ok && level <= limit {
			c.printf("%s\n", line)
		}
		if opts.has('w') && c.out.Flush() != nil {
			return 1
		}
	}
}

func unexpected(operands []string) error {
	if len(operands) == 0 {
		return nil
	}
	return fmt.Errorf("unexpected %s", operands[0])
}

// kernelMessage formats a record "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT\n KEY=VALUE...".
func kernelMessage(record string, boot time.Time, human, bare bool) (level int, line string, ok bool) {
	head, text, ok := strings.Cut(record, ";")
	fields := strings.Split(head, ",")
	if !ok || len(fields) < 3 {
		return 0, "", false
	}
	priority, _ := strconv.Atoi(fields[0])
	micro, _ := strconv.ParseInt(fields[2], 10, 64)
	text, _, _ = strings.Cut(text, "\n")
	stamp := fmt.Sprintf("[%5d.%06d] ", micro/1e6, micro%1e6)
	switch {
	case bare:
		stamp = ""
	case human:
		stamp = boot.Add(time.Duration(micro)*time.Microsecond).Format("[Jan _2 15:04:05]") + " "
	}
	return priority & 7, stamp + text, true
}

func logger(c *call, args []string) int {
	opts, text, err := parseOptions("+t:p:s", map[string]byte{"tag": 't'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	level := 5
	if priority := opts.value('p', ""); priority != "" {
		name := priority[strings.LastIndexByte(priority, '.')+1:]
		levels := []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
		level = -1
		for i, known := range levels {
			if known == name || name == "warn" && i == 4 || name == "error" && i == 3 {
				level = i
			}
		}
		if level < 0 {
			return c.misuse("-p: %s is not a priority", priority)
		}
	}
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		return c.fail("/dev/kmsg", err)
	}
	defer f.Close()
	send := func(line string) {
		if line = strings.TrimRight(line, "\n"); line == "" {
			return
		}
		// The kernel refuses records above about 1 kB.
		if len(line) > 900 {
			line = line[:900]
		}
		message := fmt.Sprintf("<%d>%s: %s\n", 8+level, opts.value('t', "logger"), line)
		if _, err := f.WriteString(message); err != nil {
			c.fail("/dev/kmsg", err)
		}
		if opts.has('s') {
			fmt.Fprintln(c.err, line)
		}
	}
	if len(text) > 0 {
		send(strings.Join(text, " "))
		return c.status
	}
	if err := eachLine(c.in, func(line []byte) error { send(string(line)); return nil }); err != nil {
		c.fail("-", err)
	}
	return c.status
}
