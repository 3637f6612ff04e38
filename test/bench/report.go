package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"bantam/test/bench/editors"
)

// A report is all that was measured.
type report struct {
	Kernel         string          `json:"kernel"`
	Jobs           []job           `json:"jobs"`
	Memory         int             `json:"memory_kib"`    // sum of Pss of all of Bantam's processes at rest
	Anonymous      int             `json:"anonymous_kib"` // of that, what no file holds
	Switch         float64         `json:"switch_ms"`     // the slowest that changes one service, command to prompt
	Nothing        float64         `json:"switch_nothing_ms"`
	Builds         []build         `json:"builds,omitempty"`   // warm cache, configuration changed; Bantam's first
	Builders       []string        `json:"builders,omitempty"` // the peers' versions, or why they were left out
	Logins         []login         `json:"logins,omitempty"`   // Bantam's first
	LoginVersions  []string        `json:"login_versions,omitempty"`
	Updates        []update        `json:"updates,omitempty"`         // Bantam's first
	UpdateVersions []string        `json:"update_versions,omitempty"` // of what is changed, and the peer's, or why it was left out
	Editors        *editors.Report `json:"editors,omitempty"`
	Budgets        []budgetRow     `json:"budgets"`
	qemu           string          // the program
}

// A job is how a system did it.
type job struct {
	System string `json:"system"`
	figures
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
	for _, j := range r.Jobs {
		if j.System == "bantam" {
			r.Budgets = append(r.Budgets,
				budgetRow{"init to READY", "ms", 190, 120, j.Ready},
				budgetRow{"memory used", "MB", 33, 29, j.Used},
				budgetRow{"each further service", "kB", 120, 100, j.Service})
		}
	}
	if r.Switch > 0 {
		r.Budgets = append(r.Budgets,
			budgetRow{"switch that changes one service", "ms", 100, 10, r.Switch},
			budgetRow{"memory of all processes at rest", "MB", 32, 16, float64(r.Memory) * 1024 / 1e6})
	}
	if len(r.Builds) > 0 {
		r.Budgets = append(r.Budgets, budgetRow{"build, warm cache, configuration changed", "s", 2, 0.3, r.Builds[0].Seconds})
	}
	if len(r.Logins) == 2 {
		r.Budgets = append(r.Budgets, budgetRow{"SSH login to prompt", "times dropbear's", 1.5, 1, r.Logins[0].Whole / r.Logins[1].Whole})
	}
	if r.Editors == nil {
		return
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
	if len(r.Jobs) > 0 {
		r.printJobs(w)
	}
	if r.Switch > 0 {
		fmt.Fprintf(w, "bantam switch, command to prompt: %.1f ms with one service changed, %.1f ms with nothing\n", r.Switch, r.Nothing)
		fmt.Fprintf(w, "bantam's processes at rest: %d KiB Pss, of it %d anonymous\n\n", r.Memory, r.Anonymous)
	}
	if len(r.Builds) > 0 {
		r.printBuilds(w)
	}
	if len(r.Logins) > 0 {
		r.printLogins(w)
	}
	if len(r.Updates) > 0 {
		r.printUpdates(w)
	}
	if r.Editors != nil {
		r.Editors.Print(w)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nbudget\tmust\taim\tmeasured\t\t\n")
	for _, b := range r.Budgets {
		fmt.Fprintf(t, "%s, %s\t%g\t%g\t%.4g\t%s\t\n", b.What, b.Unit, b.Must, b.Aim, b.Measured, b.verdict())
	}
	t.Flush()
}

func (r *report) printJobs(w io.Writer) {
	fmt.Fprintf(w, "Linux %s in QEMU, 1 ns an instruction, %d MiB: %d modules, one lease, %d services, READY.\n\n",
		r.Kernel, jobMemory, len(jobModules), jobServices)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tinit to READY, ms\tmemory used, MB\teach further service, kB\t\n")
	for _, j := range r.Jobs {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.0f\t\n", j.System, j.Ready, j.Used, j.Service)
	}
	t.Flush()
	fmt.Fprintln(w)
	for _, j := range r.Jobs {
		if j.Versions != nil {
			fmt.Fprintf(w, "%s: %s\n", j.System, strings.Join(j.Versions, ", "))
		}
	}
	fmt.Fprintln(w)
}
