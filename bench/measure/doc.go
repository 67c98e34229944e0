// Package measure condenses what a load generator observes: latencies into a
// histogram of bounded size and bounded error, and several rounds into one
// figure.
//
// It knows nothing of what is measured.
package measure
