package store

// MovedTables names the tables that Move copies.
func MovedTables() (names []string) {
	for _, table := range movedTables() {
		names = append(names, table.name)
	}
	return names
}

// HeadsOnPostgres begins the statement that reads the heads of lanes there.
const HeadsOnPostgres = headsFromEach + "9" + headsToEach
