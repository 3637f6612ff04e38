// Command trial asks of Go's runtime all that its function table is for, says "fine" where the answer is right, and ends in a panic.
package main

import (
	"fmt"
	"iter"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bantam/cmd/droplines/testdata/trial/inner"
)

func main() {
	preempted := preemption
	if strings.Contains(os.Getenv("GODEBUG"), "gccheckmark") { // which with one processor never ends
		preempted = func() error { return nil }
	}
	for _, trial := range []struct {
		name string
		run  func() error
	}{
		{"names", names},
		{"stacks that grow and shrink", stacks},
		{"garbage under load", garbage},
		{"a loop that calls nothing is stopped", preempted},
		{"deferred calls", deferred},
		{"messages of panics", messages},
		{"functions made at run time", made},
		{"coroutines", coroutines},
		{"finalizers", finalizers},
	} {
		if err := trial.run(); err != nil {
			fmt.Printf("%s: %v\n", trial.name, err)
			os.Exit(1)
		}
		fmt.Printf("%s: fine\n", trial.name)
	}
	_, file, line, _ := runtime.Caller(0)
	fmt.Println(file, line)
	slices.SortFunc([]int{3, 2, 1}, inner.Compare)
}

func expect(got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

//go:noinline
func callers() (list []string) {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		list = append(list, frame.Function)
		if !more {
			return list
		}
	}
}

func names() error {
	var got []string
	inner.Each([]int{1}, func(int) { got = callers() })
	want := []string{"main.callers", "main.names.func1", "bantam/cmd/droplines/testdata/trial/inner.Each[...]", "main.names", "main.main", "runtime.main", "runtime.goexit"}
	if err := expect(got, want); err != nil {
		return err
	}
	pc, _, _, _ := runtime.Caller(0)
	return expect([]string{runtime.FuncForPC(pc).Name(), runtime.FuncForPC(reflect.ValueOf(inner.Compare).Pointer()).Name()},
		[]string{"main.names", "bantam/cmd/droplines/testdata/trial/inner.Compare"})
}

// link is on the stack, and points there.
type link struct {
	before *link
	value  [8]int
	text   *string
}

//go:noinline
func deep(before *link, n int) int {
	text := fmt.Sprint("depth ", n)
	here := link{before: before, text: &text}
	for i := range here.value {
		here.value[i] = n + i
	}
	if n == 0 {
		runtime.GC()
		sum := 0
		for l := &here; l != nil; l = l.before {
			if *l.text != fmt.Sprint("depth ", l.value[0]) {
				return -1
			}
			sum += l.value[7]
		}
		return sum
	}
	below := deep(&here, n-1)
	if *here.text != text || here.value[3] != n+3 {
		return -1
	}
	return below
}

func stacks() error {
	const depth = 3000
	results := make(chan int)
	for range 4 {
		go func() {
			sum := 0
			for range 3 {
				sum += deep(nil, depth)
				runtime.GC() // it shrinks the stack
			}
			results <- sum
		}()
	}
	for range 4 {
		want := 3 * (depth*(depth+1)/2 + 7*(depth+1))
		if err := expect(<-results, want); err != nil {
			return err
		}
	}
	return nil
}

type tree struct {
	left, right *tree
	note        any
}

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{note: strings.Repeat("leaf", 3)}
	}
	return &tree{grow(depth - 1), grow(depth - 1), map[string][]int{"depth": {depth}}}
}

func (t *tree) leaves() int {
	if t.left == nil {
		if t.note != "leafleafleaf" {
			return -1 << 20
		}
		return 1
	}
	return t.left.leaves() + t.right.leaves()
}

func garbage() error {
	var group sync.WaitGroup
	var bad atomic.Int64
	done := make(chan bool)
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for range 4 {
		group.Go(func() {
			kept := grow(8)
			for range 6 {
				other := grow(8)
				if kept.leaves() != 256 || other.leaves() != 256 {
					bad.Add(1)
				}
				kept, other = other, kept
			}
		})
	}
	group.Wait()
	close(done)
	return expect(bad.Load(), int64(0))
}

func preemption() error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var turns, stop atomic.Int64
	ended := make(chan int64)
	go func() {
		kept := &tree{note: "kept"}
		n := int64(0)
		for stop.Load() == 0 {
			n++
			turns.Store(n)
		}
		if kept.note != "kept" {
			n = -1
		}
		ended <- n
	}()
	for turns.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 20 { // each stops it
		runtime.GC()
	}
	stop.Store(1)
	return expect(<-ended > 0, true)
}

func caught(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return "nothing"
}

func deferred() error {
	var order []string
	add := func(s string) { order = append(order, s) }
	several := func(n int) (result int) {
		defer func() {
			if recover() != nil {
				result = 7
			}
		}()
		if n > 1 {
			defer add("conditional")
		}
		for i := range n {
			defer add(fmt.Sprint("loop ", i))
		}
		defer func() {
			runtime.GC()
			add("first")
		}()
		var none *tree
		return len(order) + none.leaves()
	}
	if got := several(2); got != 7 {
		return fmt.Errorf("recovered as %d", got)
	}
	if err := expect(order, []string{"first", "loop 1", "loop 0", "conditional"}); err != nil {
		return err
	}
	ended := make(chan string, 1)
	go func() {
		defer func() { ended <- "ended" }()
		runtime.Goexit()
	}()
	return expect(<-ended, "ended")
}

//go:noinline
func length(v interface{ Length() int }) int { return v.Length() }

func messages() error {
	list, five, nine := []int{1, 2, 3}, 5, uint(9)
	var none *inner.Name
	var nothing any
	zero := 0
	for want, f := range map[string]func(){
		"runtime error: index out of range [5] with length 3":                                               func() { list[five]++ },
		"runtime error: index out of range [9] with length 3":                                               func() { list[nine]++ },
		"runtime error: index out of range [-2]":                                                            func() { list[five-7]++ },
		"runtime error: slice bounds out of range [:5] with capacity 3":                                     func() { list = list[:five] },
		"runtime error: slice bounds out of range [5:3]":                                                    func() { list = list[five:] },
		"runtime error: slice bounds out of range [5:2]":                                                    func() { list = list[five : five-3] },
		"runtime error: slice bounds out of range [::9] with capacity 3":                                    func() { list = list[0:1:nine] },
		"runtime error: cannot convert slice with length 3 to array or pointer to array with length 4":      func() { _ = [4]int(list) },
		"runtime error: integer divide by zero":                                                             func() { five /= zero },
		"runtime error: invalid memory address or nil pointer dereference":                                  func() { _ = (*tree)(nil).leaves() },
		"interface conversion: interface {} is nil, not string":                                             func() { _ = nothing.(string) },
		"assignment to entry in nil map":                                                                    func() { (map[string]int)(nil)["a"] = 1 },
		"value method bantam/cmd/droplines/testdata/trial/inner.Name.Length called using nil *Name pointer": func() { length(none) },
	} {
		if got := caught(f); got != want {
			return fmt.Errorf("got %q, want %q", got, want)
		}
	}
	return nil
}

func made() error {
	add := reflect.MakeFunc(reflect.TypeOf(func(*int, string, []int) *int { return nil }), func(args []reflect.Value) []reflect.Value {
		runtime.GC()
		sum := *args[0].Interface().(*int) + len(args[1].String()) + args[2].Len()
		return []reflect.Value{reflect.ValueOf(&sum)}
	}).Interface().(func(*int, string, []int) *int)
	one := 1
	if err := expect(*add(&one, "two", []int{3, 4, 5}), 7); err != nil {
		return err
	}
	length := reflect.ValueOf(inner.Name("four")).Method(0).Interface().(func() int)
	runtime.GC()
	return expect(length(), 4)
}

func coroutines() error {
	next, stop := iter.Pull(func(yield func(*tree) bool) {
		for i := range 5 {
			if !yield(grow(i)) {
				return
			}
		}
	})
	defer stop()
	sum := 0
	for range 4 {
		t, _ := next()
		runtime.GC()
		sum += t.leaves()
	}
	return expect(sum, 15)
}

func finalizers() error {
	ran := make(chan string, 2)
	func() {
		t := grow(1)
		runtime.SetFinalizer(t, func(t *tree) { ran <- fmt.Sprint(t.leaves()) })
		other := grow(1)
		runtime.AddCleanup(other, func(s string) { ran <- s }, "2")
	}()
	for range 2 {
		for got := ""; got == ""; {
			runtime.GC()
			select {
			case got = <-ran:
				if err := expect(got, "2"); err != nil {
					return err
				}
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}
