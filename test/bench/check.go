package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// recordedPath has the figures of the job as they are known, by the versions that they depend on.
const recordedPath = "test/bench/recorded.json"

// mostLoss is how much larger than recorded a figure may be; runs of the same bytes differ by 0.5 %.
const mostLoss = 0.03

// recordings are figures by name, by what they were measured with, e.g. "QEMU 7.2.22, Linux 6.1.0-40-cloud-amd64".
type recordings map[string]map[string]float64

func readRecordings() (recordings, error) {
	known := recordings{}
	text, err := os.ReadFile(recordedPath)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", recordedPath, err)
	}
	return known, err
}

// repeated are the figures of a report that repeat on any host.
func (r *report) repeated() map[string]float64 {
	figures := map[string]float64{}
	for _, j := range r.Jobs {
		figures[j.System+": init to READY, ms"] = j.Ready
		figures[j.System+": init to services, ms"] = j.Services
		figures[j.System+": memory used, MB"] = j.Used
	}
	return figures
}

// measuredWith names what the figures depend on beside our own bytes.
func (r *report) measuredWith(ctx context.Context, qemu string) (string, error) {
	out, err := exec.CommandContext(ctx, qemu, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", qemu, err)
	}
	_, version, _ := strings.Cut(string(out), "version ")
	version, _, _ = strings.Cut(version, " ")
	return fmt.Sprintf("QEMU %s, Linux %s", version, r.Kernel), nil
}

// losses says which figures are more than mostLoss above what is known. Those that are not known are none.
func losses(known, now map[string]float64) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was, ok := known[name]; ok && now[name] > was*(1+mostLoss) {
			list = append(list, fmt.Sprintf("%s: %.1f, recorded %.1f", name, now[name], was))
		}
	}
	return list
}

// check compares the report with what is recorded, or records it.
func (r *report) check(ctx context.Context, qemu string, record bool) error {
	known, err := readRecordings()
	if err != nil {
		return err
	}
	with, err := r.measuredWith(ctx, qemu)
	if err != nil {
		return err
	}
	now := r.repeated()
	if record {
		known[with] = now
		text, err := json.MarshalIndent(known, "", "\t")
		if err != nil {
			return err
		}
		return os.WriteFile(recordedPath, append(text, '\n'), 0o644)
	}
	if known[with] == nil {
		fmt.Printf("%s has nothing of %s: nothing compared; `go run ./test/bench record` takes it down\n", recordedPath, with)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		fmt.Printf("%-52s %8.1f  recorded %8.1f  %+5.1f %%\n", name, now[name], known[with][name], 100*(now[name]/known[with][name]-1))
	}
	if list := losses(known[with], now); list != nil {
		return fmt.Errorf("more than %.0f %% lost:\n%s\nA loss that is meant is recorded by `go run ./test/bench record`", 100*mostLoss, strings.Join(list, "\n"))
	}
	return nil
}
