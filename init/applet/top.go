package applet

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/editor/screen"
	"bantam/tty"
)

// census is what the machine had done until a moment.
type census struct {
	at         time.Time
	busy, all  time.Duration // of all processors together
	processes  []running
	processors int
}

// used is one process and the processor time that it took between two samples.
type used struct {
	running
	percent float64 // of one processor
}

// order is what top sorts by.
type order byte

const (
	byProcessor order = 'P'
	byMemory    order = 'M'
)

// top shows the busiest processes again and again. It sends only what changed,
// for serial lines. Keys: P and M sort by processor and memory, space looks now,
// q ends.
func top(c *call, args []string) int {
	opts, operands, err := parseOptions("bn:d:", nil, args)
	count, err2 := opts.number('n', 0)
	pause, err3 := opts.seconds('d', 3*time.Second)
	if err = errors.Join(err, err2, err3); err == nil && len(operands) > 0 {
		err = fmt.Errorf("unexpected %s", operands[0])
	}
	if err != nil {
		return c.misuse("%v", err)
	}
	before, err := takeCensus()
	if err != nil {
		return c.fail("/proc", err)
	}
	if opts.has('b') || !c.seen || !isTerminal(c.in) {
		return c.topBatch(before, count, pause)
	}
	return c.topScreen(before, count, pause)
}

// topBatch prints everything count times, or for ever.
func (c *call) topBatch(before *census, count int, pause time.Duration) int {
	for n := 1; ; n++ {
		time.Sleep(min(pause, 500*time.Millisecond)) // a share needs two looks
		after, err := takeCensus()
		if err != nil {
			return c.fail("/proc", err)
		}
		for _, line := range topLines(before, after, byProcessor) {
			c.printf("%s\n", line)
		}
		if err := c.out.Flush(); err != nil || n == count {
			return c.status
		}
		c.printf("\n")
		before = after
		time.Sleep(max(0, pause-500*time.Millisecond))
	}
}

// topScreen shows what fits on the terminal until q.
func (c *call) topScreen(before *census, count int, pause time.Duration) int {
	in := c.in.(*os.File)
	restore, err := tty.Set(in, func(t *unix.Termios) {
		tty.Keys(t)
		t.Oflag &^= unix.OPOST // what is drawn counts on a line feed that only moves down
	})
	if err != nil {
		return c.fail("standard input", err)
	}
	defer restore()
	keys := make(chan byte)
	go func() {
		var b [1]byte
		for {
			n, err := in.Read(b[:])
			if err != nil || n == 0 {
				close(keys)
				return
			}
			keys <- b[0]
		}
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	var view *screen.Screen
	var size screen.Terminal
	defer func() {
		if view != nil {
			c.out.Write(view.Leave())
		}
	}()
	by := byProcessor
	after := before
	look := time.After(min(pause, 500*time.Millisecond))
	for n := 0; ; {
		select {
		case <-look:
			next, err := takeCensus()
			if err != nil {
				return c.fail("/proc", err)
			}
			before, after = after, next
			n++
			look = time.After(pause)
		case key, open := <-keys:
			switch {
			case !open || key == 'q' || key == 3:
				return c.status
			case key == ' ':
				look = time.After(0)
				continue
			case order(key) == byMemory, order(key) == byProcessor:
				by = order(key)
			default:
				continue
			}
		case <-signals:
			return c.status
		}
		now := screen.Terminal{Rows: height(c.rawOut, 24), Cols: Width(c.rawOut, 80)}
		if view == nil || now != size {
			size, view = now, screen.New(now)
		}
		c.out.Write(view.Draw(topPicture(topLines(before, after, by), size)))
		c.out.Flush()
		if n == count && count > 0 {
			return c.status
		}
	}
}

// height is the number of rows of a terminal.
func height(w any, other int) int {
	if f, ok := w.(*os.File); ok {
		if rows, _ := tty.Size(f); rows > 0 {
			return rows
		}
	}
	return other
}

// topPicture is the lines that fit, the cursor at the end of the first.
func topPicture(lines []string, size screen.Terminal) screen.Picture {
	p := screen.Picture{}
	for _, line := range lines[:min(len(lines), size.Rows)] {
		row, _ := screen.Layout([]byte(line), 0, size.Cols, nil)
		p.Rows = append(p.Rows, row)
	}
	p.Col = min(len(lines[0]), size.Cols-1)
	return p
}

func takeCensus() (*census, error) {
	s := &census{at: time.Now()}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil, err
	}
	s.busy, s.all, s.processors = processorTime(string(text))
	s.processes, err = processes()
	return s, err
}

// processorTime reads /proc/stat: what all processors did, and how many there are.
func processorTime(text string) (busy, all time.Duration, processors int) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasPrefix(f[0], "cpu") {
			continue
		}
		if f[0] != "cpu" {
			processors++
			continue
		}
		for i, field := range f[1:min(len(f), 9)] { // guests are in user already
			n, _ := strconv.ParseInt(field, 10, 64)
			all += time.Duration(n) * time.Second / ticks
			if i != 3 && i != 4 { // idle, or waiting for a disk
				busy += time.Duration(n) * time.Second / ticks
			}
		}
	}
	return busy, all, max(processors, 1)
}

// topLines is what top shows of the time between two samples.
func topLines(before, after *census, by order) []string {
	share := 0.0
	if all := after.all - before.all; all > 0 {
		share = 100 * float64(after.busy-before.busy) / float64(all)
	}
	list := shares(before, after)
	sort.SliceStable(list, func(a, b int) bool {
		if by == byMemory {
			return list[a].rss > list[b].rss
		}
		if list[a].percent != list[b].percent {
			return list[a].percent > list[b].percent
		}
		return list[a].cpu > list[b].cpu
	})
	memory, _ := memoryFigures()
	load, _ := os.ReadFile("/proc/loadavg")
	loads := strings.Fields(string(load))
	lines := []string{
		fmt.Sprintf("%s  load %s  %d processes  processors %d, %.0f%% busy", after.at.Format("15:04:05"), strings.Join(loads[:min(3, len(loads))], " "), len(list), after.processors, share),
		fmt.Sprintf("memory %s, %s available", humanSize(memory["MemTotal"]), humanSize(memory["MemAvailable"])),
	}
	users := readNames("/etc/passwd")
	rows := [][]string{{"PID", "USER", "STAT", "RSS", "%CPU", "%MEM", "TIME", "COMMAND"}}
	for _, p := range list {
		seconds := int(p.cpu.Seconds())
		ofMemory := 0.0
		if memory["MemTotal"] > 0 {
			ofMemory = 100 * float64(p.rss) / float64(memory["MemTotal"])
		}
		rows = append(rows, []string{strconv.Itoa(p.pid), nameOf(users, p.uid), p.state, humanSize(p.rss), fmt.Sprintf("%.1f", p.percent), fmt.Sprintf("%.1f", ofMemory),
			fmt.Sprintf("%d:%02d", seconds/60, seconds%60), PrintableLine(p.command)})
	}
	var text strings.Builder
	alignment{right: []bool{true, false, false, true, true, true, true}}.print(&text, rows)
	return append(lines, strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")...)
}

// shares are the processes of the later sample with what they took since the
// earlier one; a number that another process had then is new.
func shares(before, after *census) []used {
	earlier := map[int]running{}
	for _, p := range before.processes {
		earlier[p.pid] = p
	}
	passed := after.at.Sub(before.at)
	var list []used
	for _, p := range after.processes {
		u := used{running: p}
		took := p.cpu
		if old, there := earlier[p.pid]; there && old.started == p.started {
			took -= old.cpu
		}
		if passed > 0 {
			u.percent = min(100*float64(max(took, 0))/float64(passed), 100*float64(after.processors))
		}
		list = append(list, u)
	}
	return list
}
