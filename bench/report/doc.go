// Package report gathers the figures of a measurement, folds those of several
// rounds into one, and prints them as tables or as JSON.
package report
