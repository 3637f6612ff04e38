package http1

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Part says where the body of an answer 206 begins in the whole, and how many bytes that has, from its Content-Range (RFC 9110 section 14.4). total is -1
// where the server does not know; start is -1 where it has no such part, as in an answer 416.
func (r *Response) Part() (start, total int64, err error) {
	text := r.Field("Content-Range")
	rest, isBytes := strings.CutPrefix(text, "bytes ")
	span, of, ok := strings.Cut(rest, "/")
	if !isBytes || !ok {
		return 0, 0, fmt.Errorf("bad range %.60q", text)
	}
	number := func(text string) (n int64) {
		u, e := strconv.ParseUint(text, 10, 63)
		err = errors.Join(err, e)
		return int64(u)
	}
	if total = -1; of != "*" {
		total = number(of)
	}
	if start = -1; span != "*" {
		first, last, _ := strings.Cut(span, "-")
		start = number(first)
		if end := number(last); end < start || total >= 0 && end >= total {
			err = errors.New("it ends nowhere")
		}
	}
	if err != nil {
		return 0, 0, fmt.Errorf("bad range %.60q", text)
	}
	return start, total, nil
}
