package gate

// KeepYoung makes the table keep that many holds apart as young, instead of so
// many that few tests would have others.
func (t *Table) KeepYoung(most int) { t.runHolds.most = most }
