// Package dev is a developer's server: it builds and deploys the workflow package of a folder, runs its worker, and does both again when
// a file changes. What runs keep is kept over restarts, in the folder .aion.
package dev
