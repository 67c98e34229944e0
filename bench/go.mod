module lockd/bench

go 1.26.0
