// Package oci is how generations travel: it reads OCI image layouts, as a folder, as a tar in a file, on a web server or in a pipe, and registries that
// speak OCI distribution 1.1; it writes layouts as a tar and pushes to registries. It is one client for the workstation and for the device.
//
// A generation is an OCI manifest whose config and layers are its blobs; what they mean is the switcher's. Nothing that is read here is trusted: manifest
// and blobs have the digests that name them, or reading ends with ErrDigest; what names the manifest itself is a tag, which anybody who holds the registry may
// move, and so its signatures (package signature) are handed out beside it.
//
// Not supported: indexes of several platforms, foreign layers, compressed archives, credential helpers, proxies.
package oci
