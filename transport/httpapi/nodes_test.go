package httpapi_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"lockd/api"
)

func TestTheStatusDescribesTheCluster(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`).is(200)
		var status api.Status
		h.get("/v1/status").is(200).read(&status)
		index, hash := h.version()
		if status.Node != "n1" || status.Role != "leader" || status.Term == 0 || status.Leader == nil || *status.Leader != (api.LeaderRef{ID: "n1", ClientURL: "http://n1.test"}) ||
			status.AppliedIndex != index || status.CommitIndex != index || status.StateHash != (api.StateHash{Index: index, Hash: fmt.Sprintf("%016x", hash)}) {
			t.Errorf("%+v", status)
		}
		if len(status.Members) != 1 || status.Members[0] != (api.Member{
			ID: "n1", PeerAddr: "n1", ClientURL: "http://n1.test", Suffrage: "voter", Healthy: true, Role: "leader", Term: status.Term, Version: status.Version,
		}) {
			t.Errorf("%+v", status.Members)
		}
	})
}

func TestTheLeaderIsNamedAndKnowsItself(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for _, path := range []string{"/v1/leader", "/leader"} {
			var leader api.Leader
			if h.get(path).is(200).read(&leader); leader.ID != "n1" || leader.ClientURL != "http://n1.test" || leader.Term == 0 {
				t.Errorf("%s: %+v", path, leader)
			}
		}
		h.post("/v1/leader/transfer", "").problem(api.CodeNoLeader)
		h.post("/v1/leader/transfer", `{"to":"n1"}`).is(200)
	})
}

func TestMetricsCountByRouteAndStatus(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.open("1m")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`).is(200)
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"s"}`).is(409)
		h.get("/v1/keys/one").is(200)
		h.get("/v1/keys/two").is(200)
		h.get("/nowhere").is(404)
		metrics := string(h.get("/metrics").is(200).body)
		for _, line := range []string{
			`lockd_http_requests_total{route="POST /v1/keys/acquire",status="200"} 1`,
			`lockd_http_requests_total{route="POST /v1/keys/acquire",status="409"} 1`,
			`lockd_http_requests_total{route="GET /v1/keys/{key...}",status="200"} 2`,
			`lockd_http_requests_total{route="none",status="404"} 1`,
			`lockd_http_request_seconds_count{route="POST /v1/keys/acquire"} 2`,
			"lockd_table_holds 1", "lockd_table_sessions 1", "lockd_table_requests 0", "lockd_is_leader 1", "lockd_table_highest_token 1",
		} {
			if !strings.Contains(metrics, line+"\n") {
				t.Errorf("no line %s in\n%s", line, metrics)
			}
		}
	})
}

func TestTheMetricsAreThoseOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/lockctl/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	told, served := make(map[string]bool), make(map[string]bool)
	for _, name := range regexp.MustCompile("`(lockd_[a-z_]+)`").FindAllStringSubmatch(string(page), -1) {
		told[name[1]] = true
	}
	withNode(t, func(t *testing.T, h *harness) {
		for line := range strings.Lines(string(h.get("/metrics").is(200).body)) {
			if name, found := strings.CutPrefix(line, "# HELP lockd_"); found {
				name, _, _ = strings.Cut(name, " ")
				served["lockd_"+name] = true
			}
		}
	})
	if !maps.Equal(told, served) {
		t.Errorf("the page tells of %v, the node of %v", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(served)))
	}
}

func TestTheServedDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		got := h.get("/v1/openapi.yaml").is(200)
		if !bytes.Equal(got.body, api.OpenAPI()) || got.header.Get("Content-Type") != "application/yaml" {
			t.Errorf("%v", got.header)
		}
		var described struct {
			Paths map[string]map[string]any `yaml:"paths"`
		}
		if err := yaml.Unmarshal(got.body, &described); err != nil {
			t.Fatal(err)
		}
		lines := make(map[string]bool)
		for path, operations := range described.Paths {
			for method := range operations {
				lines[strings.ToUpper(method)+" "+path] = true
			}
		}
		for _, line := range h.server.Routes() {
			line = strings.Replace(line, "...}", "}", 1)
			if !lines[line] {
				t.Errorf("%s is not described", line)
			}
			delete(lines, line)
		}
		for line := range lines {
			t.Errorf("%s is described and not served", line)
		}
	})
}
