// Package app puts a server together: configuration to adapters, adapters to aion.New, and around it the listeners, the metrics and
// the order in which all of it starts and stops.
package app
