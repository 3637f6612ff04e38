package shell

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// moment is what passed until a moment, in nanoseconds: by the clock, and of
// processors for the shell and the children that it has waited for.
type moment struct{ real, user, sys int64 }

var began = time.Now()

func now() moment {
	m := moment{real: int64(time.Since(began))}
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if unix.Getrusage(who, &r) == nil {
			m.user += r.Utime.Nano()
			m.sys += r.Stime.Nano()
		}
	}
	return m
}

// timeText is as bash writes it.
func timeText(m moment, posix bool) string {
	if posix {
		return fmt.Sprintf("real %.2f\nuser %.2f\nsys %.2f\n", float64(m.real)/1e9, float64(m.user)/1e9, float64(m.sys)/1e9)
	}
	text := "\n"
	for i, ns := range []int64{m.real, m.user, m.sys} {
		ms := ns / 1e6
		text += fmt.Sprintf("%s\t%dm%d.%03ds\n", []string{"real", "user", "sys"}[i], ms/60000, ms/1000%60, ms%1000)
	}
	return text
}
