package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"bantam/board"
	"bantam/images"
)

func main() {
	device := flag.String("device", "bin/device/amd64/bantam", "")
	flag.Parse()
	ctx := context.Background()
	b, err := board.Load("pc")
	must(err)
	dir, err := images.DefaultCacheDir()
	must(err)
	in := inputs{board: b, device: *device, cache: images.Cache{Dir: dir}, scratch: "/tmp/w/bench/scratch"}
	os.MkdirAll(in.scratch, 0o755)
	in.kernel, err = images.DebianKernel(ctx, images.Archive{CacheDir: dir, Arch: b.DebianArch}, b.KernelPackage)
	must(err)
	g, c, err := in.bantam(ctx)
	must(err)
	p, err := in.peer(ctx, c)
	must(err)
	for _, g := range []guest{g, p} {
		text, err := run(ctx, b, g, in.scratch)
		os.WriteFile(in.scratch+"/"+g.name+".log", []byte(text), 0o644)
		fmt.Println(g.name, len(text), err)
	}
}
func must(err error) {
	if err != nil {
		panic(err)
	}
}
