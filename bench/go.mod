module github.com/teamsconnector/teamsconnector/bench

go 1.26.0
