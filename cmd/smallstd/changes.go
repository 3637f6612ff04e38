package main

// A change puts one piece of a source file in the place of another, which must be there once.
type change struct{ from, to string }

// changes are by file of Go's source tree. A function that is called _ is compiled and not linked, so that imports stay used.
var changes = map[string][]change{
	// P-256 multiplies its generator by a table of 88,064 bytes that no packer makes smaller. Any point can be multiplied without; that takes 2.5 times as long, in constant time as well.
	"crypto/internal/fips140/nistec/p256_asm.go": {
		{"func init() {\n\tp256PrecomputedPtr :=", "func _() {\n\tp256PrecomputedPtr :="},
		{
			"func (p *P256Point) p256BaseMult(scalar *p256OrdElement) {\n",
			"func (p *P256Point) p256BaseMult(scalar *p256OrdElement) {\n\tp.SetGenerator()\n\tp.p256ScalarMult(scalar)\n}\n\n" +
				"func (p *P256Point) _(scalar *p256OrdElement) {\n",
		},
	},
	"crypto/internal/fips140/nistec/p256.go": {
		{"func init() {\n\tp256GeneratorTablesPtr :=", "func _() {\n\tp256GeneratorTablesPtr :="},
		{
			"func (p *P256Point) ScalarBaseMult(scalar []byte) (*P256Point, error) {\n",
			"func (p *P256Point) ScalarBaseMult(scalar []byte) (*P256Point, error) {\n\treturn p.ScalarMult(NewP256Point().SetGenerator(), scalar)\n}\n\n" +
				"func (p *P256Point) _(scalar []byte) (*P256Point, error) {\n",
		},
	},
	// A sort is compiled for each type of what is sorted, a quick sort with all that guards it against bad luck in four kilobytes. Heap sort, which is one of
	// those guards, takes one, and two to three times as long.
	"slices/sort.go": {
		{"pdqsortOrdered(x, 0, n, bits.Len(uint(n)))", "heapSortOrdered(x, 0, n)"},
		{"pdqsortCmpFunc(x, 0, n, bits.Len(uint(n)), cmp)", "heapSortCmpFunc(x, 0, n, cmp)"},
	},
}
