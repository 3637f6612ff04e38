package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"bantam/tty"
)

// asks tells whether a person is there to be asked.
func (c *call) asks() bool {
	in, ok := c.stdin.(*os.File)
	return ok && tty.Is(in)
}

// ask asks for one line, which comes without blanks around it. A signal ends the wait; the end of input is an empty answer.
func (c *call) ask(question string) (string, error) {
	fmt.Fprint(c.stdout, question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.stdin).ReadString('\n') // from a terminal a line at a time: nothing of the next is lost
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line, nil
	case <-c.ctx.Done():
		fmt.Fprintln(c.stdout)
		return "", c.ctx.Err()
	}
}
