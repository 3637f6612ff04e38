package main

import (
	"flag"

	"bantam/http1/https"
	"bantam/oci"
)

// registryFlags are the flags of verbs that speak to registries; each has the same.
type registryFlags struct {
	ca       string
	insecure bool
}

func (f *registryFlags) declare(flags *flag.FlagSet) {
	flags.StringVar(&f.ca, "ca", "", "`FILE` of the certificates, PEM, whose servers are believed (default: this host's authorities)")
	flags.BoolVar(&f.insecure, "insecure", false, "take http:// as well, where anybody on the way can read and change everything")
}

func (f *registryFlags) options(c *call) (oci.Options, error) {
	secure, err := https.New(f.ca)
	return oci.Options{Secure: secure, AllowHTTP: f.insecure, UserAgent: "bantam/" + version, Stdin: c.stdin, Login: login}, err
}
