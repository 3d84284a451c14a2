// Package events delivers what is recorded to those who follow it: one run, or the runs of a namespace. Subscribers read at their own pace, from the
// store's feed or from a short tail of it in memory; commits only ring a bell (rule S-3).
package events
