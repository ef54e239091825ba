// Package teams is what this service knows of Microsoft Teams: which webhook
// URLs it issues, which posts it takes and what its answers mean. It is pure:
// no I/O, no clock. Nobody here has a tenant, so every outside fact stands
// beside its source: [doc] Microsoft's own text, [obs] a quoted real answer,
// [test] another project's test, [inf] our inference; all collected 2026-11.
package teams
