// Package http1 is an HTTP/1.1 client of what fetching files and speaking to registries needs. net/http would add 0.3 MB to the device binary, compressed,
// and as much again for TLS, which is here only for programs that bring it along (package https).
//
// A server is not trusted: the head of an answer has bounds in bytes, fields and time, what is ambiguous (two lengths, a length beside chunks, folded
// fields) is an error, and nothing is awaited longer than Client.Patience without a byte moving. A body that ends early is an error wherever the server has
// said how long it is; where it has not, its end is that of the connection, and whoever reads must know what is whole.
// Passwords and tokens stay with the server that they were given for, and no redirect leads from https to http.
//
// Not supported: HTTP/2, proxies, cookies, compressed bodies, trailers that mean something, 100-continue.
package http1
