// Package payload makes the layers of what a machine carries for its owner: Debian packages, programs, files. It runs on
// the host, without privilege. Nothing of a package is run, and nothing that a package, a program or a folder holds decides
// where on the host something is written.
package payload
