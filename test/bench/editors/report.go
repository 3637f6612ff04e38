package editors

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Report is all that was measured.
type Report struct {
	Rows []*Row `json:"rows"`
}

// A Row is one editor on one terminal.
type Row struct {
	Editor   string   `json:"editor"`
	Terminal Terminal `json:"terminal"`
	Wire     Wire     `json:"wire"`
	Edit     Edit     `json:"edit"`
	Lag      *Lag     `json:"lag,omitempty"`
	Load     *Loads   `json:"load,omitempty"`
}

// Loads are files of three sizes.
type Loads struct {
	Small   Load `json:"200_lines"`
	TenMB   Load `json:"10_mb"`
	Hundred Load `json:"100_mb"`
}

// A Budget is a figure of ours beside what it may be; smaller is better.
type Budget struct {
	What, Unit          string
	Must, Aim, Measured float64
}

// Budgets are those of docs/bench.md.
func (r *Report) Budgets() []Budget {
	linux, vt100 := r.row("edit", slow("linux")), r.row("edit", slow("vt100"))
	return []Budget{
		{"edit: first screen", "bytes", 600, 550, float64(linux.Wire.Start)},
		{"edit: character typed within a line", "bytes", 4, 4, float64(linux.Wire.Type)},
		{"edit: the same on a VT100, which cannot insert", "bytes", 70, 70, float64(vt100.Wire.Type)},
		{"edit: cursor down", "bytes", 4, 1, float64(linux.Wire.Down)},
		{"edit: scroll by one line", "bytes", 25, 16, linux.Wire.Scroll},
		{"edit: whole edit", "bytes", 1200, 1000, float64(linux.Edit.Bytes)},
		{"edit: lag after holding Down, 9600 baud", "s", 0.4, 0, linux.Lag.Seconds},
		{"edit: resident with 100 MB open", "MB", 8, 4, float64(linux.Load.Hundred.RSS) * 1024 / 1e6},
		{"edit: open 100 MB", "ms", 50, 5, linux.Load.Hundred.Screen},
	}
}

func (r *Report) row(editor string, t Terminal) *Row {
	return r.Rows[slices.IndexFunc(r.Rows, func(r *Row) bool { return r.Editor == editor && r.Terminal == t })]
}

// Print writes the tables of docs/bench.md.
func (r *Report) Print(w io.Writer) {
	for _, name := range []string{"linux", "vt100"} {
		fmt.Fprintf(w, "Editors on TERM=%s, 24 x 80, %d lines of TOML: bytes sent to the terminal; the second figure of a pair\nis with what comes when the keyboard has rested for a second. ms: processor time of a scrolled line.\n\n", name, strings.Count(original, "\n"))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\tstart\ttype\tdown\tscroll\tms\tpage\tEnter\tdelete\tsearch\twhole\t60 downs\tlag s\t")
		for _, row := range r.Rows {
			if row.Terminal.Name == name {
				row.printWire(t)
			}
		}
		t.Flush()
		r.printLost(w, name)
		fmt.Fprintln(w)
	}
	for _, row := range r.Rows {
		if row.Edit.Wrong != "" {
			fmt.Fprintf(w, "%s, TERM=%s: %s\n", row.Editor, row.Terminal.Name, row.Edit.Wrong)
		}
	}
	fmt.Fprint(w, "Editors, from exec to the first screen and CPU time by then, and resident memory (of it anonymous)\nonce the screen rests.\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tstart ms\tCPU ms\tRSS kB\t10 MB: ms\tCPU ms\tRSS kB\t100 MB: ms\tCPU ms\tRSS kB\t")
	for _, row := range r.Rows {
		if row.Load == nil {
			continue
		}
		fmt.Fprintf(t, "%s\t", row.Editor)
		for _, l := range []Load{row.Load.Small, row.Load.TenMB, row.Load.Hundred} {
			fmt.Fprintf(t, "%.1f\t%.1f\t%d (%d)\t", l.Screen, l.CPU, l.RSS, l.Anon)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	r.printLost(w, "")
}

func (r *Row) printWire(t io.Writer) {
	name, w := r.Editor, r.Wire
	if r.Terminal.Baud != slowBaud {
		name = fmt.Sprintf("%s, %d baud", name, r.Terminal.Baud)
	}
	fmt.Fprintf(t, "%s\t%d\t%d %d\t%d %d\t%.0f\t%.1f\t%s\t%d\t%d\t%d\t", name, w.Start, w.Type, w.TypeRest,
		w.Down, w.DownRest, w.Scroll, w.ScrollCPU, orNone(w.PageDown), w.Enter, w.DeleteLine, w.Search)
	fmt.Fprintf(t, "%s\t", orNone(r.Edit.Bytes))
	if r.Lag != nil {
		fmt.Fprintf(t, "%d\t%.1f\t", r.Lag.Bytes, r.Lag.Seconds)
	} else {
		fmt.Fprint(t, "\t\t")
	}
	fmt.Fprintln(t)
}

// orNone is a dash where the editor does not know the key on this terminal.
func orNone(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
