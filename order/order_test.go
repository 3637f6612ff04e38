package order

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

type pair struct{ key, place int }

func byKey(a, b pair) int { return cmp.Compare(a.key, b.key) }

func TestListsAreSortedAsPackageSlicesDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		list := make([]pair, n)
		for i := range list {
			list[i] = pair{random.IntN(n/3 + 1), i}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, byKey)
		stable, any := slices.Clone(list), slices.Clone(list)
		Stably(stable, byKey)
		if !slices.Equal(stable, want) {
			t.Fatalf("%v stably: %v, want %v", list, stable, want)
		}
		By(any, byKey)
		if !slices.IsSortedFunc(any, byKey) {
			t.Fatalf("%v: %v", list, any)
		}
		Stably(any, func(a, b pair) int { return cmp.Or(byKey(a, b), a.place-b.place) })
		if !slices.Equal(any, want) {
			t.Fatalf("%v: %v is not the same list", list, any)
		}
	}
}

func TestKeysOfAMapAreSorted(t *testing.T) {
	m := map[int]bool{3: true, 1: true, 2: true}
	if got := Sorted(maps.Keys(m), func(a, b int) int { return b - a }); !slices.Equal(got, []int{3, 2, 1}) {
		t.Errorf("got %v", got)
	}
}
