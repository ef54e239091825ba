module github.com/teamsconnector/teamsconnector/bench

go 1.26.0

require github.com/atc0005/go-teams-notify/v2 v2.14.0
