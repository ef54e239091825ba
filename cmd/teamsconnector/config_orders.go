package main

import "errors"

// ordersConfig is how orders of organizations are taken.
type ordersConfig struct {
	askOperator bool // they wait for the operator's approval
}

func orderSettings() []setting {
	return []setting{{
		name: "orders", of: faceServe, value: "automatic", usage: "how orders of the Marketplace are approved: automatic (at once), or operator (each waits for one)",
		apply: func(c *config, v []string) error {
			c.orders.askOperator = one(v) == "operator"
			if !c.orders.askOperator && one(v) != "automatic" {
				return errors.New("it should be automatic or operator")
			}
			return nil
		},
	}}
}
