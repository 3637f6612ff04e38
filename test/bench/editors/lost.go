package editors

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A figure is one that editors are compared by; less is better.
type figure struct {
	name string
	of   func(*Row) float64
	unit float64 // what the tables show; less is no difference
}

// count is of bytes; an editor with 0 does not know the key.
func count(name string, of func(*Row) int) figure {
	return figure{name, func(r *Row) float64 { return float64(of(r)) }, 1}
}

// onTheWire are the figures of a terminal.
var onTheWire = []figure{
	count("start", func(r *Row) int { return r.Wire.Start }),
	count("type", func(r *Row) int { return r.Wire.Type }),
	count("type, at rest", func(r *Row) int { return r.Wire.TypeRest }),
	count("down", func(r *Row) int { return r.Wire.Down }),
	count("down, at rest", func(r *Row) int { return r.Wire.DownRest }),
	{"scroll", func(r *Row) float64 { return r.Wire.Scroll }, 1},
	{"ms", func(r *Row) float64 { return r.Wire.ScrollCPU }, 0.1},
	count("page", func(r *Row) int { return r.Wire.PageDown }),
	count("Enter", func(r *Row) int { return r.Wire.Enter }),
	count("delete", func(r *Row) int { return r.Wire.DeleteLine }),
	count("search", func(r *Row) int { return r.Wire.Search }),
	count("whole", func(r *Row) int { return r.Edit.Bytes }),
	count("60 downs", func(r *Row) int { return r.Lag.Bytes }),
	{"lag", func(r *Row) float64 { return r.Lag.Seconds }, 0.1},
}

// whenOpened are the figures of opening a file.
var whenOpened = []figure{
	{"start", func(r *Row) float64 { return r.Load.Small.Screen }, 0.1},
	{"RSS", func(r *Row) float64 { return float64(r.Load.Small.RSS) }, 1},
	{"start with 10 MB", func(r *Row) float64 { return r.Load.TenMB.Screen }, 0.1},
	{"RSS with 10 MB", func(r *Row) float64 { return float64(r.Load.TenMB.RSS) }, 1},
	{"start with 100 MB", func(r *Row) float64 { return r.Load.Hundred.Screen }, 0.1},
	{"RSS with 100 MB", func(r *Row) float64 { return float64(r.Load.Hundred.RSS) }, 1},
}

// printLost says which figures are not ours: those in which another editor is
// better, on a terminal, or without its name when a file is opened.
func (r *Report) printLost(w io.Writer, terminal string) {
	figures := onTheWire
	if terminal == "" {
		figures, terminal = whenOpened, "linux"
	}
	own := r.row("edit", slow(terminal))
	var lost []string
	for _, f := range figures {
		if better := f.better(r.Rows, own); len(better) > 0 {
			lost = append(lost, f.name+" ("+strings.Join(better, ", ")+")")
		}
	}
	if lost != nil {
		fmt.Fprintf(w, "\nNot ours: %s.\n", strings.Join(lost, ", "))
	}
}

// better are the editors of own's terminal with less than it, the best first.
func (f figure) better(all []*Row, own *Row) (names []string) {
	least := map[string]float64{}
	for _, r := range all {
		if r.Terminal != own.Terminal || (r.Load == nil) != (own.Load == nil) {
			continue
		}
		if n := f.of(r); (n > 0 || f.unit < 1) && n <= f.of(own)-f.unit {
			least[r.Editor] = n
			names = append(names, r.Editor)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		if least[a] < least[b] {
			return -1
		}
		return 1
	})
	return names
}
