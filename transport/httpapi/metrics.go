package httpapi

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lockd/api"
)

// meters are the server's metrics. A request costs one addition and one
// observation: the series of each route are looked up beforehand, and there is
// no label that a client can choose.
type meters struct {
	requests    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	unrouted    *meter
	waiting     prometheus.Gauge
	streams     prometheus.Gauge
	connections prometheus.Gauge
	dropped     prometheus.Counter
	scrape      http.Handler
}

// meter is what is counted for one route.
type meter struct {
	route    string
	seconds  prometheus.Observer
	requests *prometheus.CounterVec
	// byStatus are the counters of the statuses seen, by status minus 200.
	byStatus [400]atomic.Pointer[prometheus.Counter]
}

func newMeters(registry *prometheus.Registry, node Node) (*meters, error) {
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockd_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lockd_http_request_seconds", Help: "Time from a request's header to its answer, waits included, by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"route"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockd_http_waiting", Help: "Connections that wait for a queued request on this node.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockd_http_event_streams", Help: "Open event streams on this node.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockd_http_streams", Help: "Open streams of requests (WebSocket) on this node.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockd_http_event_streams_dropped_total", Help: "Event streams that ended because the reader was too slow.",
		}),
		scrape: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}
	m.unrouted = m.of("none")
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.waiting, m.streams, m.connections, m.dropped, &tableCollector{node}} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *meters) of(route string) *meter {
	return &meter{route: route, seconds: m.seconds.WithLabelValues(route), requests: m.requests}
}

// count counts one request. Status zero is a client that left before its answer.
func (m *meters) count(e *endpoint, status int, took time.Duration) {
	meter := m.unrouted
	if e != nil {
		meter = e.meter
	}
	meter.seconds.Observe(took.Seconds())
	if status < 200 || status >= 600 {
		meter.requests.WithLabelValues(meter.route, "none").Inc()
		return
	}
	slot := &meter.byStatus[status-200]
	counter := slot.Load()
	if counter == nil {
		counter = new(meter.requests.WithLabelValues(meter.route, strconv.Itoa(status)))
		slot.Store(counter)
	}
	(*counter).Inc()
}

func (s *Server) serveMetrics(x *exchange) {
	x.w.Header().Set(api.HeaderIndex, strconv.FormatUint(s.seen.orAtLeast(0), 10))
	x.status = http.StatusOK
	s.meters.scrape.ServeHTTP(x.w, x.r)
}

// tableCollector reads the size of this node's own version when asked.
type tableCollector struct{ node Node }

var (
	descIndex    = prometheus.NewDesc("lockd_table_index", "Log index of this node's version of the lock table.", nil, nil)
	descLeader   = prometheus.NewDesc("lockd_is_leader", "1 on the leader that serves, else 0.", nil, nil)
	descTerm     = prometheus.NewDesc("lockd_term", "Term of the leader known to this node.", nil, nil)
	descToken    = prometheus.NewDesc("lockd_table_highest_token", "Highest token granted.", nil, nil)
	descHolds    = prometheus.NewDesc("lockd_table_holds", "Holds, lock delays included.", nil, nil)
	descRequests = prometheus.NewDesc("lockd_table_requests", "Waiting requests.", nil, nil)
	descSessions = prometheus.NewDesc("lockd_table_sessions", "Live sessions.", nil, nil)
	descAnswers  = prometheus.NewDesc("lockd_table_answers", "Answers kept for repeats.", nil, nil)
)

// Describe sends the descriptions of what Collect sends.
func (c *tableCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descIndex, descLeader, descTerm, descToken, descHolds, descRequests, descSessions, descAnswers} {
		to <- d
	}
}

// Collect sends the present values, all of one version.
func (c *tableCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	view, index, _, _ := c.node.Stale()
	_, _, term, _ := c.node.Leader()
	leads := 0.0
	if c.node.IsLeader() {
		leads = 1
	}
	size := view.Size()
	gauge(descIndex, float64(index))
	gauge(descLeader, leads)
	gauge(descTerm, float64(term))
	gauge(descToken, float64(view.Counters().Token))
	gauge(descHolds, float64(size.Holds))
	gauge(descRequests, float64(size.Requests))
	gauge(descSessions, float64(size.Sessions))
	gauge(descAnswers, float64(size.Answers))
}
