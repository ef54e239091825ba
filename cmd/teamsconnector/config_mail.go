package main

import (
	"errors"
	netmail "net/mail"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/mail"
)

// mailConfig is how mails go out.
type mailConfig struct {
	server    connector.Secret // URL; empty: mails wait
	from      string
	operators []string // addresses; none: of the operators' accounts
}

func mailSettings() []setting {
	return []setting{
		{
			name: "smtp-url", of: faceServe, secret: true, shown: true,
			usage: "URL of the mail server: smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS; without it mails wait. " +
				"Everybody sees the flags of a process, so a password stands better in the environment or in a file",
			apply: func(c *config, v []string) error {
				if len(v) == 0 {
					return nil
				}
				c.mail.server = connector.NewSecret(v[0])
				return mail.CheckServer(c.mail.server)
			},
		},
		{
			name: "mail-from", of: faceServe, usage: "sender of mails: connector@contoso.com, or Contoso <connector@contoso.com>; needed with smtp-url",
			apply: applyMailFrom,
		},
		{
			name: "mail-operator", of: faceServe, many: true,
			usage: "address that gets the operator's mails; may be repeated; without it the accounts of the operators get them",
			apply: func(c *config, v []string) error {
				for _, address := range v {
					if err := connector.CheckEmail("", address); err != nil {
						return errors.New(err.Message)
					}
				}
				c.mail.operators = v
				return nil
			},
		},
	}
}

// applyMailFrom stands after smtp-url in the table, so it can see both.
func applyMailFrom(c *config, v []string) error {
	c.mail.from = one(v)
	if c.mail.from == "" {
		if c.mail.server.Empty() {
			return nil
		}
		return errors.New("it is missing, but smtp-url is set: mails need a sender")
	}
	if _, err := netmail.ParseAddress(c.mail.from); err != nil {
		return errors.New("it should be an address such as connector@contoso.com, or Contoso <connector@contoso.com>")
	}
	return nil
}
