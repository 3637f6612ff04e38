package applet

import (
	"io"
	"os"
	"os/exec"
	"strings"

	"bantam/init/applet/awk"
)

func awkCommand(c *call, args []string) int {
	opts, operands, err := parseOptions("+F:v:f:", map[string]byte{"field-separator": 'F', "assign": 'v', "file": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	config := awk.Config{Name: c.name, Vars: opts['v'], FS: opts.value('F', ""), Environ: os.Environ(), Stdin: c.in, Stdout: c.rawOut, Stderr: c.err, Command: c.shellLine}
	if opts.has('f') {
		var program strings.Builder
		for _, file := range opts['f'] {
			text, err := readOperand(c, file)
			if err != nil {
				c.fail(file, err)
				return 2
			}
			program.WriteString(text + "\n")
		}
		config.Program = program.String()
	} else {
		if len(operands) == 0 {
			return c.misuse("needs a program")
		}
		config.Program, operands = operands[0], operands[1:]
	}
	config.Args = operands
	status, err := awk.Run(config)
	if err != nil {
		c.warn("%s", PrintableLine(err.Error()))
	}
	return status
}

// shellLine runs a line with sh, ours where there is no other.
func (c *call) shellLine(line string) *exec.Cmd {
	path, err := exec.LookPath("sh")
	if err != nil {
		path = "/proc/self/exe"
	}
	return &exec.Cmd{Path: path, Args: []string{"sh", "-c", line}}
}

func readOperand(c *call, file string) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(c.in)
	} else {
		text, err = os.ReadFile(file)
	}
	return string(text), err
}
