// Package order sorts by a comparison, as package slices does, whose functions are compiled once for each type, ten kilobytes
// every time. These use package sort, of which there is one.
package order

import (
	"iter"
	"slices"
	"sort"
)

// By sorts a list; what compares as equal may change places.
func By[T any](list []T, compare func(a, b T) int) {
	sort.Slice(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}

// Stably sorts a list; what compares as equal stays in its order.
func Stably[T any](list []T, compare func(a, b T) int) {
	sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}

// Sorted is what all yields, sorted; what compares as equal is in any order.
func Sorted[T any](all iter.Seq[T], compare func(a, b T) int) []T {
	list := slices.Collect(all)
	By(list, compare)
	return list
}
