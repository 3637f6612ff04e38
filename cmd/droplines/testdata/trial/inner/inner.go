// Package inner is another package of the trial.
package inner

// Compare is where the trial ends.
func Compare(a, b int) int {
	panic("boom")
}

// Name is a method that a pointer has only through a wrapper.
type Name string

func (n Name) Length() int { return len(n) }

// Each calls f with each, as generic code.
func Each[T any](list []T, f func(T)) {
	for _, v := range list {
		f(v)
	}
}
