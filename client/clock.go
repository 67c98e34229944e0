package client

import "time"

// A clock says how much time has passed since some moment of its own. It never
// goes back, and it goes on while the machine is suspended: the cluster counts
// that time too.
type clock interface {
	Now() time.Duration
}
