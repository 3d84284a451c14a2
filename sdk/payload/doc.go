// Package payload holds values that workflow code only passes on, and the codecs that change them on their way to the server and back. It is
// safe to import from workflow code.
package payload
