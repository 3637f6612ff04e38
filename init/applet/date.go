package applet

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func date(c *call, args []string) int {
	opts, operands, err := parseOptions("us:d:RI", map[string]byte{"utc": 'u', "set": 's', "date": 'd', "universal": 'u'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	now := time.Now()
	if opts.has('u') {
		now = now.UTC()
	}
	format := "+%a %b %e %H:%M:%S %Z %Y"
	switch {
	case opts.has('R'):
		format = "+%a, %d %b %Y %H:%M:%S %z"
	case opts.has('I'):
		format = "+%F"
	}
	if len(operands) > 0 && strings.HasPrefix(operands[0], "+") {
		format, operands = operands[0], operands[1:]
	}
	if len(operands) > 0 {
		return c.misuse("unexpected %s (set the clock with -s)", operands[0])
	}
	when := now
	if text := opts.value('s', opts.value('d', "")); text != "" {
		if when, err = parseDate(text, now); err != nil {
			return c.misuse("%v", err)
		}
	}
	if opts.has('s') {
		tv := syscall.NsecToTimeval(when.UnixNano())
		if err := syscall.Settimeofday(&tv); err != nil {
			return c.fail("set the clock", err)
		}
	}
	c.printf("%s\n", strftime(format[1:], when))
	return 0
}

// parseDate reads the usual ways to write a point in time, in the zone of now.
func parseDate(text string, now time.Time) (time.Time, error) {
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		whole, fraction, _ := strings.Cut(seconds, ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if err == nil {
			return time.Unix(n, nanos).In(now.Location()), nil
		}
	}
	switch text {
	case "now":
		return now, nil
	case "yesterday":
		return now.AddDate(0, 0, -1), nil
	case "tomorrow":
		return now.AddDate(0, 0, 1), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05", time.RFC3339, time.RFC1123Z,
		"2006.01.02-15:04:05", "Mon Jan _2 15:04:05 MST 2006", "200601021504.05", "200601021504"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t.In(now.Location()), nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date; write 2006-01-02 15:04:05, 15:04 or @SECONDS", text)
}

// strftime formats as date(1) does; an unknown letter stays as it is.
func strftime(format string, t time.Time) string {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		pad := byte(0)
		if format[i] == '-' && i+1 < len(format) {
			pad = '-'
			i++
		}
		field := strftimeField(format[i], t)
		if pad == '-' {
			if field = strings.TrimLeft(field, "0 "); field == "" {
				field = "0"
			}
		}
		out.WriteString(field)
	}
	return out.String()
}

func strftimeField(letter byte, t time.Time) string {
	layouts := map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
		'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700",
		'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM"}
	if layout, ok := layouts[letter]; ok {
		return t.Format(layout)
	}
	_, week := t.ISOWeek()
	switch letter {
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'N':
		return fmt.Sprintf("%09d", t.Nanosecond())
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'V':
		return fmt.Sprintf("%02d", week)
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100)
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '%':
		return "%"
	}
	return "%" + string(letter)
}

// duration reads 5, 0.5, 10s, 3m, 2h or 1d.
func duration(text string) (time.Duration, error) {
	unit := time.Second
	digits := text
	if n := len(text); n > 0 {
		if i := strings.IndexByte("smhd", text[n-1]); i >= 0 {
			unit = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[i]
			digits = text[:n-1]
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 || n*float64(unit) > 1<<62 {
		return 0, fmt.Errorf("%q is not a time", text)
	}
	return time.Duration(n * float64(unit)), nil
}

func sleep(c *call, args []string) int {
	if len(args) == 0 {
		return c.misuse("needs a time")
	}
	total := time.Duration(0)
	for _, text := range args {
		d, err := duration(text)
		if err != nil {
			return c.misuse("%v", err)
		}
		total += d
	}
	time.Sleep(total)
	return 0
}

func watch(c *call, args []string) int {
	opts, command, err := parseOptions("+n:t", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	interval, err := opts.seconds('n', 2*time.Second)
	if err != nil || len(command) == 0 {
		return c.misuse("needs a command")
	}
	shell := []string{"sh", "-c", strings.Join(command, " ")}
	for {
		c.printf("\x1b[H\x1b[J")
		if !opts.has('t') {
			c.printf("every %v: %s    %s\n\n", interval, strings.Join(command, " "), time.Now().Format("15:04:05"))
		}
		if code := c.execute(shell, nil); code >= 128 {
			return code
		}
		if c.out.Flush() != nil {
			return 1
		}
		time.Sleep(interval)
	}
}
