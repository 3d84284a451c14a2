// Package evidence is what tests with real processes write down outside of Aion while they run: what workers did, what clients were
// told, when processes were killed, and the histories as they were exported afterwards. Every line is on disk before the writer goes
// on, and each file is only ever appended to, so that it survives the kill of its writer.
package evidence
