package store

import "github.com/teamsconnector/teamsconnector/internal/connector"

// MovedTables names the tables that Move copies.
func MovedTables() (names []string) {
	for _, table := range movedTables() {
		names = append(names, table.name)
	}
	return names
}

// HeadsOnPostgres begins the statement that reads the heads of lanes there.
const HeadsOnPostgres = headsFromEach + "9" + headsToEach

// QueuesStatement is the statement that reads a part of a list of webhooks.
func QueuesStatement(subscriptionRow int64, f QueueFilter, page connector.Page) (text string, args []any) {
	by := f.statement(subscriptionRow, 20000, page)
	return by.text, by.args
}

// Statements whose plans are looked at.
const (
	WaitingStatement    = waiting
	FlowOwnersStatement = flowOwners
	HeadsOnSQLite       = headsByLane
)
