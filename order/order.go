// Package order sorts by a comparison, as package slices does, whose functions are compiled once for each type, ten kilobytes
// every time. These use package sort, of which there is one.
package order

import (
	"iter"
	"slices"
	"sort"
)

// By sorts a list; what compares as equal may change places.
func By[T any](list []T, compare func(a, b T) int) { sort.Sort(sorter[T]{list, compare}) }

// Stably sorts a list; what compares as equal stays in its order.
func Stably[T any](list []T, compare func(a, b T) int) { sort.Stable(sorter[T]{list, compare}) }

// Sorted is what all yields, sorted; what compares as equal is in any order.
func Sorted[T any](all iter.Seq[T], compare func(a, b T) int) []T {
	list := slices.Collect(all)
	By(list, compare)
	return list
}

// sorter is a list as package sort takes it.
type sorter[T any] struct {
	list    []T
	compare func(a, b T) int
}

func (s sorter[T]) Len() int           { return len(s.list) }
func (s sorter[T]) Less(i, j int) bool { return s.compare(s.list[i], s.list[j]) < 0 }
func (s sorter[T]) Swap(i, j int)      { s.list[i], s.list[j] = s.list[j], s.list[i] }
