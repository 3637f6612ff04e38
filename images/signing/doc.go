// Package signing makes keys and signatures that package signature verifies, on the host. Files of keys are cosign's, so `cosign generate-key-pair` and
// `bantam keygen` may take each other's place.
//
// Kinds of keys that are made: Ed25519 and P-256; P-384 is read. RSA, keys in hardware and in the key stores of clouds are cosign's: what it signs with
// them is accepted on a device, but RSA.
package signing
