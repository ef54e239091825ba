package arch_test

// This file is the plan: what every room may import and how big things may
// grow. A new arrow or a larger number is a design change: change it here, in
// the same commit as the code, and say why.

const module = "github.com/teamsconnector/teamsconnector"

// room is one package of the module.
type room struct {
	path  string
	floor int      // imports point down: every room of may is on a lower floor
	may   []string // the rooms that it may import; "*" is every one
}

// rooms lists every package that may exist. One that is missing here may not.
var rooms = []room{
	{path: "client", floor: 1},
	{path: "internal/connector", floor: 1},
	{path: "internal/keyring", floor: 1},
	{path: "internal/look", floor: 1},
	{path: "internal/arch", floor: 1},
	// What a developer copies: shown by both faces, served by api, tested by cmd.
	{path: "internal/snippet", floor: 1},

	{path: "internal/outbound", floor: 2},
	{path: "internal/teams", floor: 2, may: []string{"internal/connector"}},

	{path: "internal/lane", floor: 3, may: []string{"internal/connector", "internal/teams"}},
	{path: "internal/mail", floor: 3, may: []string{"internal/connector"}},
	{path: "internal/mendix", floor: 3, may: []string{"internal/connector"}},
	{path: "internal/post", floor: 3, may: []string{"internal/connector", "internal/teams", "internal/outbound"}},
	// The simulator knows nothing of ours beyond the language, or both would err alike.
	{path: "internal/simulator", floor: 3, may: []string{"internal/connector", "internal/look"}},
	{path: "internal/store", floor: 3, may: []string{"internal/connector", "internal/keyring"}},

	{path: "internal/admin", floor: 4, may: []string{"internal/connector", "internal/teams", "internal/keyring", "internal/store"}},
	{path: "internal/auth", floor: 4, may: []string{"internal/connector", "internal/keyring", "internal/outbound", "internal/store"}},
	// The engine meets store and post only through its own interfaces, in cmd.
	{path: "internal/dispatch", floor: 4, may: []string{"internal/connector", "internal/lane"}},
	{path: "internal/ingest", floor: 4, may: []string{"internal/connector", "internal/teams", "internal/keyring", "internal/store"}},

	// A face never sees the store.
	{path: "internal/api", floor: 5, may: []string{
		"internal/connector", "internal/teams", "internal/look", "internal/mendix", "internal/snippet",
		"internal/ingest", "internal/admin", "internal/auth",
	}},
	{path: "internal/console", floor: 5, may: []string{
		"internal/connector", "internal/teams", "internal/look", "internal/mendix", "internal/snippet",
		"internal/ingest", "internal/admin", "internal/auth",
	}},

	{path: "cmd/teamsconnector", floor: 6, may: []string{"*"}},

	// For tests of any room; see testOnly.
	{path: "internal/browsertest", floor: 1},
	{path: "internal/postgrestest", floor: 1},
}

// testOnly are rooms that serve tests: no shipped file imports them, so they are not counted.
var testOnly = []string{"internal/browsertest", "internal/postgrestest"}

// stdlibOnly are the rooms that others build on without inheriting a dependency.
var stdlibOnly = []string{"client", "internal/connector"}

// reserved names packages that only some rooms may import, and why.
var reserved = []struct {
	path  string // with everything below it
	rooms []string
	why   string
}{
	{"database/sql", []string{"internal/store", "internal/mendix"}, "all SQL lives in store; a Mendix project file is an SQLite file"},
	{"modernc.org/sqlite", []string{"internal/store", "internal/mendix"}, "all SQL lives in store; a Mendix project file is an SQLite file"},
	{"github.com/jackc/pgx", []string{"internal/store", "internal/postgrestest"}, "all SQL lives in store"},
	{"github.com/pressly/goose", []string{"internal/store"}, "all SQL lives in store"},
	{"net/http", []string{
		"client", "internal/teams", "internal/outbound", "internal/post", "internal/simulator", "internal/auth",
		"internal/api", "internal/console", "internal/look", "cmd/teamsconnector",
	}, "HTTP belongs to the two faces and the doors"},
	{"net/http/pprof", []string{"cmd/teamsconnector"}, "it registers itself on the default mux"},
	{"github.com/spf13/cobra", []string{"cmd/teamsconnector"}, "rooms get values, never flags"},
	{"os/exec", []string{"cmd/teamsconnector", "internal/browsertest", "internal/postgrestest"}, "no room starts processes"},
	{"testing", testOnly, "shipped code is no test"},
	{"unsafe", nil, "nothing here is worth it"},
	{"C", nil, "the product is built without cgo"},
}

// pureImports is all that the engine's pure core may import of the standard
// library: nothing that waits, remembers, draws lots or does I/O.
var pureImports = []string{
	"cmp", "container/heap", "container/list", "errors", "fmt", "iter", "maps", "math", "math/bits",
	"slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// pureTime is what package time must not be used for there: the time comes with the event.
var pureTime = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}

const (
	pureCore = "internal/lane"
	runner   = "internal/dispatch" // runs the machine without a branch on a state or verdict

	maxFileLines    = 400
	maxFuncLines    = 60
	maxParams       = 4 // after ctx
	maxShippedLines = 52_000
	maxDependencies = 25 // direct ones, in the binary
)

// uncounted are the rooms whose lines are shown but not part of the sum.
var uncounted = append([]string{"internal/simulator"}, testOnly...)

// constantCalls make a value that nobody changes, so a package variable may hold it.
var constantCalls = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "template.Must",
	"netip.MustParseAddr", "netip.MustParsePrefix", "netip.AddrFrom4", "netip.AddrFrom16", "netip.PrefixFrom",
	"time.Date", "time.Unix", "time.FixedZone", "big.NewInt", "crc32.MakeTable",
	"base32.NewEncoding", "base64.NewEncoding", "bytes.Repeat", "strings.Repeat", "strings.Fields", "strings.Split",
}
