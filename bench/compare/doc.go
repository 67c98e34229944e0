// Package compare sets the figures of several lock services side by side: as
// tables and ratios in Markdown, and as bars in an SVG picture.
package compare
