package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const planColumns = `SELECT id, public_id, name, price, trial, webhook_quota, message_quota, term_months, version FROM plan `

const (
	allPlans  = planColumns + `ORDER BY id`
	planByID  = planColumns + `WHERE public_id = $1`
	planNamed = planColumns + `WHERE name = $1 OR public_id = $1`
)

// scanPlan reads a row of planColumns.
func scanPlan(scan func(into ...any) error) (row int64, p Plan, err error) {
	var trial int
	err = scan(&row, &p.ID, &p.Name, &p.Price, &trial, &p.WebhookQuota, &p.MessageQuota, &p.TermMonths, &p.Version)
	p.Trial = trial != 0
	return row, p, err
}

// Plans returns the plans in the order in which they were made.
func (s *Store) Plans(ctx context.Context) (plans []Plan, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		plans = nil
		return c.each(ctx, q(allPlans), func(rows *sql.Rows) error {
			_, p, err := scanPlan(rows.Scan)
			plans = append(plans, p)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	return plans, nil
}

const insertPlan = `
INSERT INTO plan (public_id, name, price, trial, webhook_quota, message_quota, term_months) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// CreatePlan makes a plan. Its id and version are given here.
func (s *Store) CreatePlan(ctx context.Context, p Plan, by string) (Plan, error) {
	id, err := newID(connector.PlanPrefix)
	if err != nil {
		return Plan{}, err
	}
	p.ID, p.Version = connector.PlanID(id), 1
	err = s.change(ctx, auditNote{by: by, action: "plan.create", object: id, detail: p.Name}, func(ctx context.Context, c *change) error {
		if err := c.planNameFree(ctx, p); err != nil {
			return err
		}
		_, err := c.tx.exec(ctx, q(insertPlan, id, p.Name, p.Price, bit(p.Trial), p.WebhookQuota, p.MessageQuota, p.TermMonths))
		return err
	})
	return p, err
}

const otherPlanOfName = `SELECT 1 FROM plan WHERE name = $1 AND public_id <> $2`

func (c *change) planNameFree(ctx context.Context, p Plan) error {
	var one int
	err := c.tx.one(ctx, q(otherPlanOfName, p.Name, string(p.ID)), &one)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look for a plan of that name: %w", err)
	}
	return nameTaken("/name", "plan", p.Name)
}

const updatePlan = `
UPDATE plan SET name = $2, price = $3, trial = $4, webhook_quota = $5, message_quota = $6, term_months = $7, version = version + 1
WHERE id = $1`

// PlanChange says which plan is changed, and by whom.
type PlanChange struct {
	Plan    connector.PlanID
	Version int64 // that must stand; 0: any
	By      string
	Edit    func(p *Plan) error // may run more than once
}

// ChangePlan changes a plan; subscriptions keep the quotas that they were made with.
func (s *Store) ChangePlan(ctx context.Context, r PlanChange) (p Plan, err error) {
	err = s.change(ctx, auditNote{by: r.By, action: "plan.change", object: string(r.Plan)}, func(ctx context.Context, c *change) error {
		var row int64
		row, p, err = scanPlan(func(into ...any) error { return c.tx.one(ctx, q(planByID, string(r.Plan)), into...) })
		if errors.Is(err, ErrNotFound) {
			return connector.NoSuch("plan", string(r.Plan))
		}
		if err != nil {
			return fmt.Errorf("read plan: %w", err)
		}
		if err := expectVersion(r.Version, p.Version); err != nil {
			return err
		}
		if err := r.Edit(&p); err != nil {
			return err
		}
		if err := c.planNameFree(ctx, p); err != nil {
			return err
		}
		p.Version++
		c.note.detail = p.Name
		_, err := c.tx.exec(ctx, q(updatePlan, row, p.Name, p.Price, bit(p.Trial), p.WebhookQuota, p.MessageQuota, p.TermMonths))
		return err
	})
	return p, err
}
