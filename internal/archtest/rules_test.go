package archtest

// layer is one row of the architecture: what the files of a package that are not
// tests may import beside the standard library.
type layer struct {
	// inside lists packages of this module.
	inside []string
	// outside lists import paths of other modules; a path covers all below it.
	outside []string
	// never lists standard packages that the layer must not know.
	never []string
}

const (
	hclog = "github.com/hashicorp/go-hclog"
	raft  = "github.com/hashicorp/raft"
	cli   = "github.com/urfave/cli/v2"
	yaml  = "gopkg.in/yaml.v3"
	prom  = "github.com/prometheus/client_golang"
	xsys  = "golang.org/x/sys"
)

// nondeterminism lists the standard packages whose results differ between
// replicas or runs.
var nondeterminism = []string{"math/rand", "math/rand/v2", "crypto/rand", "hash/maphash"}

var layers = map[string]layer{
	"gate": {
		outside: []string{"golang.org/x/text/unicode/norm"},
		never: append([]string{"sync", "sync/atomic", "log", "log/slog", "os", "net", "net/http",
			"encoding/json", "context", "runtime"}, nondeterminism...),
	},
	"fsm": {
		inside:  []string{"gate"},
		outside: []string{raft, hclog, "google.golang.org/protobuf/encoding/protowire"},
		never:   append([]string{"net/http", "encoding/json", "log", "log/slog", "os"}, nondeterminism...),
	},
	"cluster": {
		inside:  []string{"fsm", "gate"},
		outside: []string{raft, "github.com/hashicorp/raft-boltdb/v2", "github.com/hashicorp/raft-wal", "go.etcd.io/bbolt", hclog, prom, xsys},
		never:   []string{"net/http", "log", "log/slog"},
	},
	"transport/peer": {
		inside:  []string{"cluster"},
		outside: []string{raft, hclog, xsys},
		never:   []string{"net/http", "log", "log/slog"},
	},
	"transport/httpapi": {
		inside:  []string{"api", "cluster", "gate"},
		outside: []string{hclog, prom, "github.com/coder/websocket"},
		never:   []string{"log/slog"},
	},
	"transport/httpapi/httpapitest": {
		inside:  []string{"api"},
		outside: []string{"github.com/pb33f"},
	},
	"api":    {never: []string{"net/http", "os", "log", "log/slog"}},
	"client": {inside: []string{"api"}, outside: []string{"github.com/coder/websocket", xsys}, never: []string{"log"}},
	"cmd/lockctl": {
		inside:  []string{"api", "client"},
		outside: []string{cli, xsys},
		never:   []string{"log"},
	},
	"cmd/lockd": {
		inside:  []string{"api", "cluster", "fsm", "gate", "transport/httpapi", "transport/peer"},
		outside: []string{cli, yaml, hclog, prom, raft, xsys},
		never:   []string{"log/slog"},
	},
}

// deterministic lists the packages that run on every replica and must do the
// same on each.
var deterministic = []string{"gate", "fsm"}

// clockCalls are the functions of package time that read or wait for a clock.
var clockCalls = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true,
	"AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true,
}

// anyOrder marks a range over a map whose result does not depend on the order:
// the words after it say why.
const anyOrder = "//archtest:any-order "

const (
	maxFunctionLines = 70
	maxFileLines     = 400
)

// emptyWords say nothing in the name of a file or package.
var emptyWords = []string{"util", "utils", "helper", "helpers", "misc", "common", "manager", "data", "info"}
