// Package feature is what the features below test/features are written with: a feature is workflow code with a script of what happens to it.
package feature
