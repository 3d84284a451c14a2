// Package archtest holds the architecture as a test: which folder may import what, and how files and folders are kept.
// It fails with the file, the line and the import that breaks a rule.
package archtest
