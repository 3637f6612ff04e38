package applet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bantam/boottime"
)

// running is one process of /proc.
type running struct {
	pid, ppid int
	uid       uint32
	name      string // of the executable, at most 15 bytes
	command   string // arguments joined, or [name] of a kernel thread
	state     string
	tty       string
	rss       int64 // bytes
	cpu       time.Duration
	started   time.Duration // since boot
	threads   int
}

// ticks is USER_HZ, which is 100 on every Linux that Go runs on.
const ticks = 100

// processes lists /proc by pid. Processes that end meanwhile are left out.
func processes() ([]running, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var list []running
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if p, err := readProcess(pid); err == nil {
				list = append(list, p)
			}
		}
	}
	sort.Slice(list, func(a, b int) bool { return list[a].pid < list[b].pid })
	return list, nil
}

func readProcess(pid int) (running, error) {
	folder := filepath.Join("/proc", strconv.Itoa(pid))
	p := running{pid: pid, tty: "?"}
	text, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return p, err
	}
	// The name may hold blanks and parentheses, so look for the last one.
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return p, errors.New("malformed stat")
	}
	p.name = string(text[open+1 : end])
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 22 {
		return p, errors.New("short stat")
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	p.state = fields[0]
	p.ppid = int(number(1))
	if tty := uint64(number(4)); tty != 0 {
		p.tty = ttyName(tty)
	}
	p.cpu = time.Duration(number(11)+number(12)) * time.Second / ticks
	p.threads = int(number(17))
	p.started = time.Duration(number(19)) * time.Second / ticks
	p.rss = number(21) * int64(os.Getpagesize())
	if info, err := os.Stat(folder); err == nil {
		p.uid = stat(info).Uid
	}
	command, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
	p.command = strings.TrimSpace(strings.ReplaceAll(strings.TrimRight(string(command), "\x00"), "\x00", " "))
	if p.command == "" {
		p.command = "[" + p.name + "]"
	}
	return p, nil
}

func ttyName(dev uint64) string {
	switch ma, mi := major(dev), minor(dev); {
	case ma >= 136 && ma <= 143:
		return fmt.Sprintf("pts/%d", (ma-136)*256+mi)
	case ma == 4 && mi < 64:
		return fmt.Sprintf("tty%d", mi)
	case ma == 4:
		return fmt.Sprintf("ttyS%d", mi-64)
	case ma == 204:
		return fmt.Sprintf("ttyAMA%d", mi-64)
	case ma == 5 && mi == 1:
		return "console"
	case ma == 229:
		return fmt.Sprintf("hvc%d", mi)
	default:
		return fmt.Sprintf("%d:%d", ma, mi)
	}
}

// ps lists all processes. BSD and System V letters (aux, -ef) only choose
// nothing: the columns are always ours.
func ps(c *call, args []string) int {
	wide := false
	for _, arg := range args {
		letters := strings.TrimPrefix(arg, "-")
		if arg == "--" {
			continue
		}
		if strings.Trim(letters, "AaeflTuwxj") != "" {
			return c.misuse("unknown option %s", arg)
		}
		wide = wide || strings.Contains(letters, "w")
	}
	list, err := processes()
	if err != nil {
		return c.fail("/proc", err)
	}
	users := readNames("/etc/passwd")
	rows := [][]string{{"PID", "PPID", "USER", "STAT", "TTY", "RSS", "TIME", "COMMAND"}}
	for _, p := range list {
		seconds := int(p.cpu.Seconds())
		rows = append(rows, []string{strconv.Itoa(p.pid), strconv.Itoa(p.ppid), nameOf(users, p.uid), p.state, p.tty,
			humanSize(p.rss), fmt.Sprintf("%d:%02d", seconds/60, seconds%60), PrintableLine(p.command)})
	}
	var text strings.Builder
	alignment{right: []bool{true, true, false, false, false, true, true}}.print(&text, rows)
	width := 0
	if isTerminal(c.rawOut) && !wide {
		width = Width(c.rawOut, 80)
	}
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		if runes := []rune(line); width > 0 && len(runes) > width {
			line = string(runes[:width])
		}
		c.printf("%s\n", line)
	}
	return 0
}

// parseSignal takes a leading -9, -KILL or -s KILL off args.
func parseSignal(args []string) (syscall.Signal, []string, error) {
	if len(args) == 0 || len(args[0]) < 2 || args[0][0] != '-' || args[0] == "--" {
		return syscall.SIGTERM, args, nil
	}
	name, rest := args[0][1:], args[1:]
	if name == "s" && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	sig, ok := SignalNumber(name)
	if !ok {
		return 0, nil, fmt.Errorf("unknown signal %s", name)
	}
	return sig, rest, nil
}

func kill(c *call, args []string) int {
	if len(args) > 0 && args[0] == "-l" {
		if len(args) > 1 {
			sig, ok := SignalNumber(args[1])
			if status, err := strconv.Atoi(args[1]); err == nil && status > 128 && status <= 128+64 {
				sig, ok = syscall.Signal(status-128), true // the status of who died of it
			}
			if !ok {
				return c.misuse("unknown signal %s", args[1])
			}
			if _, err := strconv.Atoi(args[1]); err == nil {
				c.printf("%s\n", signalName(sig))
			} else {
				c.printf("%d\n", int(sig))
			}
			return 0
		}
		for n := 1; n < 32; n++ {
			c.printf("%2d %s\n", n, signalName(syscall.Signal(n)))
		}
		return 0
	}
	sig, pids, err := parseSignal(args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(pids) > 0 && pids[0] == "--" {
		pids = pids[1:]
	}
	if len(pids) == 0 {
		return c.misuse("needs a process")
	}
	for _, text := range pids {
		// The kernel takes 32 bits: 4294967295 would be -1, which is everybody.
		pid, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			c.fail(text, errors.New("is not a process number"))
			continue
		}
		if err := syscall.Kill(int(pid), sig); err != nil {
			c.fail(text, err)
		}
	}
	return c.status
}

// killall signals by exact name; pkill and pgrep by a part of it, or with -f of
// the command line. None signals itself or PID 1.
func killall(c *call, args []string) int {
	exact, full, list := c.name == "killall", false, c.name == "pgrep"
	quiet := false
	sig := syscall.SIGTERM
	var names []string
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			names = append(names, args[i+1:]...)
			i = len(args)
		case arg == "-q" && c.name == "killall":
			quiet = true
		case arg == "-f" && c.name != "killall":
			full = true
		case arg == "-x" && c.name != "killall":
			exact = true
		case strings.HasPrefix(arg, "-") && c.name != "pgrep":
			var rest []string
			var err error
			if sig, rest, err = parseSignal(args[i:]); err != nil {
				return c.misuse("%v", err)
			}
			i = len(args) - len(rest) - 1
		case strings.HasPrefix(arg, "-"):
			return c.misuse("unknown option %s", arg)
		default:
			names = append(names, arg)
		}
	}
	if len(names) == 0 {
		return c.misuse("needs a name")
	}
	processes, err := processes()
	if err != nil {
		return c.fail("/proc", err)
	}
	result := 0
	for _, name := range names {
		hits := 0
		for _, p := range processes {
			if p.pid == os.Getpid() || p.pid == 1 {
				continue
			}
			// Our own commands all run the one binary; argv[0] tells them apart.
			argv0, _, _ := strings.Cut(p.command, " ")
			match := p.name == name || filepath.Base(argv0) == name
			switch {
			case full:
				match = strings.Contains(p.command, name)
			case !exact:
				match = strings.Contains(p.name, name) || strings.Contains(filepath.Base(argv0), name)
			}
			if !match {
				continue
			}
			hits++
			if list {
				c.printf("%d\n", p.pid)
			} else if err := syscall.Kill(p.pid, sig); err != nil {
				c.fail(strconv.Itoa(p.pid), err)
			}
		}
		if hits == 0 {
			result = 1
			if c.name == "killall" && !quiet {
				c.warn("%s: no process found", name)
			}
		}
	}
	return result
}

func uptime(c *call, args []string) int {
	if len(args) > 0 {
		return c.misuse("takes no arguments")
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return c.fail("/proc/loadavg", err)
	}
	fields := strings.Fields(string(load))
	if len(fields) < 3 {
		return c.fail("/proc/loadavg", errors.New("is malformed"))
	}
	minutes := int(boottime.Now().Minutes())
	days := ""
	if minutes >= 24*60 {
		days = fmt.Sprintf("%d days, ", minutes/(24*60))
	}
	c.printf("%s up %s%d:%02d, load average: %s\n", time.Now().Format("15:04:05"), days, minutes/60%24, minutes%60, strings.Join(fields[:3], ", "))
	return 0
}

// memoryFigures are those of /proc/meminfo, in bytes.
func memoryFigures() (map[string]int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	figures := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			figures[strings.TrimSuffix(fields[0], ":")] = n * 1024
		}
	}
	return figures, err
}

func free(c *call, args []string) int {
	opts, rest, err := parseOptions("hkmgb", nil, args)
	if err != nil || len(rest) > 0 {
		return c.misuse("takes only options -h -b -k -m -g")
	}
	m, err := memoryFigures()
	if err != nil {
		return c.fail("/proc/meminfo", err)
	}
	show := func(bytes int64) string {
		switch {
		case opts.has('h'):
			return humanSize(bytes)
		case opts.has('b'):
			return strconv.FormatInt(bytes, 10)
		case opts.has('m'):
			return strconv.FormatInt(bytes>>20, 10)
		case opts.has('g'):
			return strconv.FormatInt(bytes>>30, 10)
		}
		return strconv.FormatInt(bytes>>10, 10)
	}
	cache := m["Buffers"] + m["Cached"] + m["SReclaimable"]
	rows := [][]string{
		{"", "total", "used", "free", "shared", "buff/cache", "available"},
		{"Mem:", show(m["MemTotal"]), show(m["MemTotal"] - m["MemAvailable"]), show(m["MemFree"]), show(m["Shmem"]), show(cache), show(m["MemAvailable"])},
		{"Swap:", show(m["SwapTotal"]), show(m["SwapTotal"] - m["SwapFree"]), show(m["SwapFree"])},
	}
	alignment{right: []bool{false, true, true, true, true, true, true}, gap: 3}.print(c.out, rows)
	return 0
}
