package sim

import "time"

// step is one operation or one fault. What it does depends on its number and
// the seed alone, and on where it finds the world.
type step struct {
	id int
	// lane counts the lanes of all clients; -1 is the faults'.
	lane int
}

const faultLane = -1

// kinds are the clients of a world, with the number of their lanes.
var kinds = []struct {
	kind  kind
	lanes int
}{{numbering, 3}, {numbering, 3}, {plain, 2}, {bare, 2}, {private, 2}, {operator, 1}}

// plan lists all steps: the operations dealt out to the lanes, and a fault now
// and then.
func plan(operations int) []step {
	lanes := 0
	for _, k := range kinds {
		lanes += k.lanes
	}
	steps := make([]step, 0, operations+operations/faultEvery+1)
	for i := range operations {
		steps = append(steps, step{id: len(steps), lane: i % lanes})
		if i%faultEvery == 0 {
			steps = append(steps, step{id: len(steps), lane: faultLane})
		}
	}
	return steps
}

// faultEvery is how many operations there are for one fault.
const faultEvery = 20

// newWorld makes the world of a configuration, before its first event.
func newWorld(config Config) *world {
	d := newDice(config.Seed)
	w := &world{
		config: config, traits: newTraits(d), trace: config.Trace, dice: newDice(config.Seed, 1),
		line: newLine(), store: newStore(),
	}
	w.referee = newReferee(w)
	for i := range w.traits.nodes {
		n := &node{dice: newDice(config.Seed, 2, uint64(i))}
		w.add(&n.process, "n", i+1, d.roll())
		w.nodes = append(w.nodes, n)
	}
	lanes := make(map[int]*lane)
	for i, k := range kinds {
		c := &client{kind: k.kind, dice: newDice(config.Seed, 3, uint64(i)), home: w.nodes[i%len(w.nodes)]}
		w.add(&c.process, "c", i+1, d.roll())
		w.clients = append(w.clients, c)
		for range k.lanes {
			l := &lane{client: c, number: len(c.lanes) + 1}
			l.rename()
			lanes[len(lanes)] = l
			c.lanes = append(c.lanes, l)
		}
	}
	w.busy = len(lanes)
	var faults []step
	for _, s := range plan(config.Operations) {
		if s.lane == faultLane {
			faults = append(faults, s)
		} else {
			lanes[s.lane].steps = append(lanes[s.lane].steps, s)
		}
	}
	w.cut = make([]uint64, len(w.processes))
	for _, n := range w.nodes {
		n.start()
	}
	for _, c := range w.clients {
		c.start()
	}
	w.elections()
	w.trouble(faults)
	return w
}

func (w *world) add(p *process, letter string, number int, choice uint64) {
	d := dice(choice)
	p.w, p.id, p.name, p.down = w, len(w.processes), letter+string(rune('0'+number)), true
	p.rate = million
	if drift := w.traits.drift; drift > 0 {
		p.rate += int64(d.n(int(2*drift+1))) - drift
		// The worst case is the likeliest to show a mistake.
		if d.chance(300) {
			p.rate = million + drift*int64(2*d.n(2)-1)
		}
	}
	p.origin = d.between(time.Hour, 2*time.Hour)
	w.processes = append(w.processes, p)
}
