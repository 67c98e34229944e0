package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrBadDuration is what every error of Duration's readers wraps.
var ErrBadDuration = errors.New("bad duration")

// Duration is a duration in a request: a Go duration string such as "250ms" or
// "1m30s". Durations in answers are integers whose names end in _ms.
type Duration time.Duration

// ParseDuration reads a Go duration string. It refuses what Go refuses, and
// nothing more: bounds belong to the fields.
func ParseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no duration; write one such as \"250ms\" or \"1m30s\"", ErrBadDuration, s)
	}
	return Duration(d), nil
}

// String returns the duration as ParseDuration reads it.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON returns the duration as a JSON string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a JSON string. It refuses numbers, which would leave the
// unit to a guess.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil || len(b) == 0 || b[0] != '"' {
		return fmt.Errorf("%w: %s is no string; write a duration such as \"250ms\" or \"1m30s\"", ErrBadDuration, b)
	}
	parsed, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
