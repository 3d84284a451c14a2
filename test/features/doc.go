// Package features holds one small workflow for each primitive and edge, each with a script of what happens to it and a history that every later
// version must replay. See README.md.
package features
