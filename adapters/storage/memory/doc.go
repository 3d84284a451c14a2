// Package memory keeps everything in the process: for tests, demos and embedders who need no durability. It follows the
// contract of ports.Store to the letter, except that the data ends with the process. Standard library only.
package memory
