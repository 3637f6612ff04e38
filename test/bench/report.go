package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"bantam/test/bench/editors"
)

// A report is all that was measured.
type report struct {
	Kernel  string          `json:"kernel"`
	Bantam  figures         `json:"bantam"`
	Busybox figures         `json:"busybox"`
	Switch  float64         `json:"switch_ms"` // the slowest that changes one service, command to prompt
	Nothing float64         `json:"switch_nothing_ms"`
	Build   float64         `json:"build_s"` // warm cache, configuration changed
	Editors *editors.Report `json:"editors"`
	Budgets []budgetRow     `json:"budgets"`
}

// A budgetRow sets a figure beside what was promised; smaller is better.
type budgetRow struct {
	What     string  `json:"what"`
	Unit     string  `json:"unit"`
	Must     float64 `json:"must"`
	Aim      float64 `json:"aim"`
	Measured float64 `json:"measured"`
}

func (b budgetRow) verdict() string {
	switch {
	case b.Measured <= b.Aim:
		return "reaches the aim"
	case b.Measured <= b.Must:
		return "within the budget"
	}
	return "OVER THE BUDGET"
}

// weigh fills in the budgets of what was measured. The same tables are in docs/bench.md.
func (r *report) weigh() {
	if r.Kernel != "" {
		r.Budgets = append(r.Budgets,
			budgetRow{"init to console and network, of busybox's time", "x", 0.8, 0.6, r.Bantam.Both / r.Busybox.Both},
			budgetRow{"switch that changes one service", "ms", 100, 10, r.Switch},
			budgetRow{"memory of all processes at rest", "MB", 32, 16, float64(r.Bantam.Memory) * 1024 / 1e6},
			budgetRow{"build, warm cache, configuration changed", "s", 2, 0.3, r.Build})
	}
	for _, b := range r.Editors.Budgets() {
		r.Budgets = append(r.Budgets, budgetRow(b))
	}
}

// over tells whether a budget is not kept.
func (r *report) over() bool {
	for _, b := range r.Budgets {
		if b.Measured > b.Must {
			return true
		}
	}
	return false
}

func (r *report) print(w io.Writer) {
	if r.Kernel != "" {
		r.printMachines(w)
	}
	r.Editors.Print(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nbudget\tmust\taim\tmeasured\t\t\n")
	for _, b := range r.Budgets {
		fmt.Fprintf(t, "%s, %s\t%g\t%g\t%.4g\t%s\t\n", b.What, b.Unit, b.Must, b.Aim, b.Measured, b.verdict())
	}
	t.Flush()
}

func (r *report) printMachines(w io.Writer) {
	fmt.Fprintf(w, "Linux %s in QEMU, 1 ns an instruction; five services and a console in both.\n\n", r.Kernel)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tbantam\tbusybox init + udhcpc\tratio\t\n")
	row := func(what, format string, a, b float64) {
		fmt.Fprintf(t, "%s\t"+format+"\t"+format+"\t%.2f\t\n", what, a, b, a/b)
	}
	row("init to console, ms", "%.1f", r.Bantam.Console, r.Busybox.Console)
	row("init to network up, ms", "%.1f", r.Bantam.Network, r.Busybox.Network)
	row("init to both, ms", "%.1f", r.Bantam.Both, r.Busybox.Both)
	row("memory at rest, KiB Pss", "%.0f", float64(r.Bantam.Memory), float64(r.Busybox.Memory))
	row("  of it anonymous", "%.0f", float64(r.Bantam.Anon), float64(r.Busybox.Anon))
	row("initrd, bytes", "%.0f", float64(r.Bantam.Initrd), float64(r.Busybox.Initrd))
	t.Flush()
	fmt.Fprintf(w, "\nbantam switch, command to prompt: %.1f ms with one service changed, %.1f ms with nothing\n", r.Switch, r.Nothing)
	fmt.Fprintf(w, "bantam build, warm cache, configuration changed: %.2f s\n\n", r.Build)
}
