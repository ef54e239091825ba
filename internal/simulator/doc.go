// Package simulator is a Microsoft Teams that tells the truth about itself: its
// front door answers a webhook's requests as Microsoft's does, the runs behind
// it post or fail without telling the client, and its oracle knows what became
// of every message. The demo, the tests and the benchmarks send to it.
//
// It imports nothing that sends, so that its errors and the sender's differ.
// All waiting goes by package time, so that testing/synctest drives it, and all
// chance comes from Options.Seed, the flow and the number of the request, so
// that the n-th request of a flow meets the same fate in every run.
package simulator
