// Package cli is the command line: a file for each noun. Results go to standard output, everything else to standard error; the exit code
// is 0 when it worked, 1 when it did not, 2 when the command line itself was wrong, 3 when a server had to end itself.
package cli
