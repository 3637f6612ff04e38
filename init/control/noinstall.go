//go:build !amd64

package control

// installs is nothing here: ISOs are made for PCs.
var installs []verb
