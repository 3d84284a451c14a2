// Package shop stands for the world outside: a warehouse, a bank and a carrier, which keep one journal on disk. They know nothing of
// workflows. Each can be asked the same thing twice without harm, and refuses what comes too late: a charge whose refund was there
// before, a parcel for an order that was given up.
package shop
