package main

import (
	"errors"
	"io/fs"

	"bantam/board"
)

// loadBoard is what --board names: a board, or somebody's own file of one, whose faults are told one a line as those of a system.toml are.
func loadBoard(name string) (board.Board, error) {
	b, err := board.Load(name)
	var bad *board.BadFile
	var path *fs.PathError
	if err == nil || errors.As(err, &bad) || errors.As(err, &path) {
		return b, err
	}
	return b, usageError{err.Error()}
}
