//go:build amd64

package control

func init() { passedOn = append(passedOn, installed{}) }
