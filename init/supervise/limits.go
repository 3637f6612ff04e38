package supervise

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// taskLimits bounds processes and threads, which the kernel counts alike.
type taskLimits struct {
	tree    int // of all services together
	service int // of one that does not say itself
	vital   int // of a console, with what is run there, or the network
}

// limitTasks shares out what the kernel can hold, of which used are there
// before any service: most of them its own threads. An eighth stays for those that
// drivers add, for PID 1 and for consoles, so that a bomb in every service still
// leaves a person the processes to end them. One service gets a quarter of the
// rest, so that its neighbours start again also beside it.
func limitTasks(most, used int) taskLimits {
	tree := max(most-used-most/8, most/4, 64)
	return taskLimits{tree: tree, service: max(tree/4, tasksLeast), vital: max(tree/2, tasksLeast)}
}

// tasksLeast is what one command of Bantam needs to run others; system.toml
// takes no smaller number either.
const tasksLeast = 16

// mostTasks is how many the kernel holds: by memory, by its table of numbers.
func mostTasks() int {
	return min(kernelNumber("threads-max", 4096), kernelNumber("pid_max", 32768))
}

func kernelNumber(name string, otherwise int) int {
	text, _ := os.ReadFile("/proc/sys/kernel/" + name)
	if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// tasksNow counts the tasks that there are, from /proc/loadavg: 0.00 0.01 0.05 1/83 1234.
func tasksNow() int {
	text, _ := os.ReadFile("/proc/loadavg")
	_, after, _ := bytes.Cut(text, []byte("/"))
	number, _, _ := bytes.Cut(after, []byte(" "))
	n, _ := strconv.Atoi(string(number))
	return n
}

// Memory that services must leave, in KiB.
const (
	reserveLeast = 16 << 10 // what all of Bantam takes at rest
	reserveMost  = 128 << 10
)

// limitMemory is how much all services may take of the available memory, in KiB,
// so that they run out of it before PID 1, consoles and network do.
func limitMemory(available int) int {
	reserve := min(max(available/8, reserveLeast), reserveMost, available/2)
	return available - reserve
}
