// Command curve prints multiples of P-256's generator, and signs and agrees with them.
package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
)

func main() {
	curve := elliptic.P256()
	order := curve.Params().N
	scalars := []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(31), big.NewInt(32), big.NewInt(33), new(big.Int).Sub(order, big.NewInt(1)), order, new(big.Int).Add(order, big.NewInt(5))}
	for i := range 256 {
		sum := sha256.Sum256([]byte{byte(i)})
		scalars = append(scalars, new(big.Int).SetBytes(sum[:]), new(big.Int).Lsh(big.NewInt(1), uint(i)))
	}
	for _, k := range scalars {
		x, y := curve.ScalarBaseMult(k.FillBytes(make([]byte, 32)))
		fmt.Printf("%x %x\n", x, y)
	}
	mine, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256([]byte("message"))
	signature, err := ecdsa.SignASN1(rand.Reader, mine, sum[:])
	fmt.Println(err, ecdsa.VerifyASN1(&mine.PublicKey, sum[:], signature))
	sum[0]++
	fmt.Println(ecdsa.VerifyASN1(&mine.PublicKey, sum[:], signature))
	a, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	b, err := mine.ECDH()
	if err != nil {
		panic(err)
	}
	one, err := a.ECDH(b.PublicKey())
	other, err2 := b.ECDH(a.PublicKey())
	fmt.Println(err, err2, string(one) == string(other))
}
