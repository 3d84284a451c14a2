// Package archive is the core at work: the .aion format, in which workflow packages are built, deployed and verified.
//
// An archive is, all numbers little-endian:
//
//	8 bytes   magic 0x89 "AION" 0x0d 0x0a 0x1a
//	u32       format version, 1
//	u32       length of the manifest
//	u32       length of the compressed module
//	…         the manifest, JSON
//	…         the WebAssembly module, raw DEFLATE
//	32 bytes  SHA-256 of everything before
//
// The same manifest and module give the same bytes.
package archive
