package flash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// ChunkSize is what is compared, written and read back at once, in bytes.
const ChunkSize = 1 << 20

// headSize is how much of an image tells what it is: also of a card whose boot ROM wants its programs before the partition table.
const headSize = 2 << 20

// A Chunk is the content of ChunkSize bytes, of the last one of an image fewer.
type Chunk struct {
	Sum  [sha256.Size]byte
	Zero bool // nothing but zeros
}

func chunkOf(b []byte) Chunk { return Chunk{sha256.Sum256(b), zeros(b)} }

func zeros(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), len(nothing))
		if !bytes.Equal(b[:n], nothing[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

var nothing [4096]byte

// An Image is what a file holds, once all of it has been read.
type Image struct {
	Size   int64 // in bytes, unpacked
	Chunks []Chunk
	Kind   Kind
}

// Survey reads an image from its beginning to its end. A compressed one that is damaged or cut off is found out here, before anything
// has been written. progress, which may be nil, is told how many bytes have been read.
func Survey(ctx context.Context, r io.Reader, progress func(read int64)) (Image, error) {
	var image Image
	var head []byte
	var manifest manifestFinder
	buf := make([]byte, ChunkSize)
	for {
		if err := ctx.Err(); err != nil {
			return image, err
		}
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			image.Chunks = append(image.Chunks, chunkOf(buf[:n]))
			image.Size += int64(n)
			head = append(head, buf[:min(n, headSize-len(head))]...)
			manifest.feed(buf[:n])
			if progress != nil {
				progress(image.Size)
			}
		}
		if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return image, fmt.Errorf("after %d bytes: %w", image.Size, err)
		}
	}
	if image.Size == 0 {
		return image, errors.New("it is empty")
	}
	image.Kind = Identify(head, image.Size)
	if manifest.found {
		image.Kind.Machine = manifest.generation
	}
	return image, nil
}

// length is that of a chunk of something of so many bytes.
func length(chunk int, size int64) int64 { return min(ChunkSize, size-int64(chunk)*ChunkSize) }
