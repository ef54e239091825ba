package main

import (
	"errors"
	"log/slog"
)

// observeConfig is what is logged and how.
type observeConfig struct {
	level  slog.Level
	format string  // "text", "json"; "auto": text on a terminal
	traces *traces // nil: none are sent
}

func observeSettings() []setting {
	return []setting{
		{
			name: "log-level", of: faceServe | faceSimulator, value: "info", usage: "debug, info, warn or error",
			apply: func(c *config, v []string) error {
				if err := c.observe.level.UnmarshalText([]byte(one(v))); err != nil {
					return errors.New("it should be debug, info, warn or error")
				}
				return nil
			},
		},
		{
			name: "log-format", of: faceServe | faceSimulator, value: "auto", usage: "text, json, or auto: text on a terminal, else json",
			apply: func(c *config, v []string) error {
				switch c.observe.format = one(v); c.observe.format {
				case "text", "json", "auto":
					return nil
				}
				return errors.New("it should be text, json or auto")
			},
		},
	}
}
