// Command sorts prints lists that package slices has sorted: of every length to 300, in every order that a quick sort dislikes.
package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

type named struct {
	name string
	n    int
}

func main() {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		for _, value := range []func(i int) int{
			func(i int) int { return i },
			func(i int) int { return -i },
			func(int) int { return 7 },
			func(i int) int { return min(i, n-i) },
			func(i int) int { return i % 3 },
			func(int) int { return random.IntN(n) },
		} {
			numbers, floats, structs := make([]int, n), make([]float64, n), make([]named, n)
			for i := range n {
				v := value(i)
				numbers[i], floats[i], structs[i] = v, float64(v)/4, named{fmt.Sprint(v), v}
			}
			if n > 2 {
				floats[1], floats[n-1] = math.NaN(), math.Inf(-1)
			}
			slices.Sort(numbers)
			slices.Sort(floats)
			slices.SortFunc(structs, func(a, b named) int { return cmp.Compare(a.name, b.name) })
			fmt.Println(numbers, floats, structs)
		}
	}
}
