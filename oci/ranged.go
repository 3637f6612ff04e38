package oci

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"bantam/http1"
)

// fromByte asks for a body of some size from one byte on. A server that knows no ranges sends all of it, and what is not wanted is read over.
func fromByte(from, size int64, get func(...http1.Field) (*http1.Response, error)) (io.ReadCloser, error) {
	var fields []http1.Field
	if from > 0 { // of what is wanted whole no range is asked: not every server knows them
		fields = append(fields, http1.Field{Name: "Range", Value: fmt.Sprintf("bytes=%d-%d", from, size-1)})
	}
	answer, err := get(fields...)
	if err != nil {
		return nil, err
	}
	skip := int64(0)
	switch answer.Status {
	case 200:
		skip = from
	case 206:
		start, _, err := answer.Part()
		if err != nil || start != from {
			answer.Body.Close()
			return nil, fmt.Errorf("%w: the server sends %.60q for %s", ErrNoOffset, answer.Field("Content-Range"), "bytes "+strconv.FormatInt(from, 10)+"-")
		}
	default:
		answer.Body.Close()
		return nil, fmt.Errorf("%w: the server answers %d %s", ErrNoOffset, answer.Status, answer.Reason)
	}
	if answer.Length >= 0 && answer.Length != size-from+skip {
		answer.Body.Close()
		if answer.Length < size-from+skip {
			return nil, fmt.Errorf("%w: the server has %d bytes of %d", ErrShort, answer.Length, size-from+skip)
		}
		return nil, fmt.Errorf("%w: the server has %d bytes for %d", ErrDigest, answer.Length, size-from+skip)
	}
	if _, err := io.CopyN(io.Discard, answer.Body, skip); err != nil {
		answer.Body.Close()
		if errors.Is(err, io.EOF) {
			err = ErrShort
		}
		return nil, err
	}
	return answer.Body, nil
}
