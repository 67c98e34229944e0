package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/transport/httpapi/strictjson"
)

var yamlType = []string{"application/yaml"}

func (s *Server) openAPI(x *exchange) { x.write(http.StatusOK, yamlType, api.OpenAPI()) }

// live says that the process answers.
func (s *Server) live(x *exchange) { x.answer(http.StatusOK, readiness{"live"}) }

// ready says that the node can serve: it makes a real linearizable read.
func (s *Server) ready(x *exchange) {
	ctx, cancel := context.WithTimeout(x.r.Context(), readyTimeout)
	defer cancel()
	answer, index, err := s.node.Read(ctx, query{op: askReady}.encode())
	if err != nil {
		x.refuse(nodeProblem(err, nil))
		return
	}
	x.index = index
	x.pass(answer)
}

// isLeader is 200 on the leader only, for load balancers.
func (s *Server) isLeader(x *exchange) {
	name, url, term, known := s.node.Leader()
	if !known || !s.node.IsLeader() {
		x.refuse(api.NewProblem(api.CodeNoLeader, "this node does not lead; Lockd-Leader says who does, if it is known"))
		return
	}
	x.answer(http.StatusOK, api.Leader{ID: name, ClientURL: url, Term: term})
}

func (s *Server) leader(x *exchange) {
	name, url, term, known := s.node.Leader()
	if !known {
		x.refuse(api.NewProblem(api.CodeNoLeader, "no leader is known to this node; ask again shortly, or another node"))
		return
	}
	x.answer(http.StatusOK, api.Leader{ID: name, ClientURL: url, Term: term})
}

// transferLeadership answers once another leader serves.
func (s *Server) transferLeadership(x *exchange) {
	var b api.LeaderTransfer
	body, err := x.readBody()
	if err == nil {
		err = strictjson.Object(new(strictjson.Reader), body, true, transferFields, &b)
	}
	if err != nil {
		x.refuseError(err)
		return
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), transferTimeout)
	defer cancel()
	_, _, before, _ := s.node.Leader()
	switch err := s.node.TransferLeadership(ctx, b.To); {
	case errors.Is(err, cluster.ErrUnknownMember):
		x.refuseError(fieldError("to", "names no member; GET /v1/status lists them"))
		return
	case errors.Is(err, cluster.ErrTransferFailed):
		x.refuse(api.NewProblem(api.CodeNoLeader, "leadership stayed where it was; try again, or name another member"))
		return
	case err != nil:
		x.refuse(nodeProblem(err, nil))
		return
	}
	ticker := time.NewTicker(transferCheck)
	defer ticker.Stop()
	for {
		name, url, term, known := s.node.Leader()
		if known && (term > before || name == b.To) {
			x.answer(http.StatusOK, api.Leader{ID: name, ClientURL: url, Term: term})
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			x.refuse(api.NewProblem(api.CodeNoLeader, "leadership was given away and the new leader does not serve yet; GET /v1/leader will tell"))
			return
		}
	}
}

func (s *Server) status(x *exchange) {
	ctx, cancel := context.WithTimeout(x.r.Context(), statusTimeout)
	defer cancel()
	known := s.node.Status(ctx)
	answer := api.Status{
		Node: known.Node, Role: known.Role, Term: known.Term,
		AppliedIndex: known.AppliedIndex, CommitIndex: known.CommitIndex,
		StateHash: api.StateHash{Index: known.HashIndex, Hash: fmt.Sprintf("%016x", known.Hash)},
		Members:   make([]api.Member, 0, len(known.Members)), Version: known.Version,
	}
	if known.LeaderID != "" {
		answer.Leader = &api.LeaderRef{ID: known.LeaderID, ClientURL: known.LeaderClientURL}
	}
	for i := range known.Members {
		answer.Members = append(answer.Members, member(&known.Members[i]))
	}
	x.index = known.AppliedIndex
	x.answer(http.StatusOK, answer)
}

func member(m *cluster.MemberStatus) api.Member {
	told := api.Member{
		ID: m.ID, PeerAddr: m.PeerAddr, ClientURL: m.ClientURL,
		Suffrage: m.Suffrage, Healthy: m.Healthy, AppliedLag: m.AppliedLag,
		Role: m.Role, Term: m.Term, Version: m.Version,
	}
	if m.HasContact {
		told.LastContactMS = new(m.LastContact.Milliseconds())
	}
	if m.Disk != nil {
		told.Disk = &api.Disk{TotalBytes: m.Disk.Total, FreeBytes: m.Disk.Free}
	}
	return told
}
