package console

import (
	"errors"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (c *Console) signInPage(v *visit) error {
	if v.signedIn() {
		return v.redirect(local(v.r.FormValue("next"), "/"))
	}
	return v.show(http.StatusOK, page{title: "Sign in", narrow: true}, signInForm(v, v.typed(), v.r.FormValue("next"), v.doors()))
}

func (c *Console) signIn(v *visit) error {
	next := v.field("next")
	if err := c.open(v, v.field("email")); err != nil {
		f := v.typed("email")
		if err := f.take(err); err != nil {
			return err
		}
		return v.show(http.StatusUnprocessableEntity, page{title: "Sign in", narrow: true}, signInForm(v, f, next, v.doors()))
	}
	return v.redirect(local(next, "/"))
}

// open signs somebody in with the password of this form.
func (c *Console) open(v *visit, email string) error {
	secret, err := c.who.SignIn(v.r.Context(), auth.SignInRequest{
		Email: email, Password: connector.NewSecret(v.field("password")), Address: auth.AddressOf(v.r, c.proxies).String(), Browser: v.r.UserAgent(),
	})
	if err != nil {
		return err
	}
	v.setCookie(c.cookieName(sessionCookie), secret, auth.SessionLife)
	return nil
}

func (c *Console) forgotPage(v *visit) error {
	return v.show(http.StatusOK, page{title: "Choose a new password", narrow: true}, forgotForm(v, v.typed(), v.r.URL.Query().Get("asked") != ""))
}

func (c *Console) forgot(v *visit) error {
	if err := c.desk.ForgotPassword(v.r.Context(), v.field("email")); err != nil {
		f := v.typed("email")
		if err := f.take(err); err != nil {
			return err
		}
		return v.show(http.StatusUnprocessableEntity, page{title: "Choose a new password", narrow: true}, forgotForm(v, f, false))
	}
	return v.redirect("/forgot?asked=1")
}

func (c *Console) signOut(v *visit) error {
	if err := c.who.EndSession(v.r.Context(), v.session, v.session.ID); err != nil {
		return err
	}
	v.setCookie(c.cookieName(sessionCookie), "", -1)
	return v.redirect("/signin?out=1")
}

func (c *Console) signUpPage(v *visit) error {
	if v.signedIn() || !c.signOn.Open() {
		return v.redirect("/signin")
	}
	return v.show(http.StatusOK, page{title: "New account", narrow: true}, signUpForm(v, v.typed()))
}

func (c *Console) signUp(v *visit) error {
	err := c.signOn.SignUp(v.r.Context(), auth.NewAccount{
		Name: v.field("name"), Email: v.field("email"), Password: connector.NewSecret(v.field("password")),
		Address: auth.AddressOf(v.r, c.proxies).String(),
	})
	if err != nil {
		f := v.typed("name", "email")
		if err := f.take(err); err != nil {
			return err
		}
		return v.show(http.StatusUnprocessableEntity, page{title: "New account", narrow: true}, signUpForm(v, f))
	}
	if err := c.open(v, v.field("email")); err != nil {
		return err
	}
	return v.done("/console", "Welcome. Your account is made.")
}

func (c *Console) setupPage(v *visit) error {
	if err := c.who.SetupOffered(v.r.Context(), v.r.PathValue("link")); err != nil {
		return v.dead(err)
	}
	return v.show(http.StatusOK, page{title: "Welcome", narrow: true}, setupForm(v, v.typed()))
}

func (c *Console) setUp(v *visit) error {
	sub, err := c.who.SetUp(v.r.Context(), auth.SetupRequest{
		Link: v.r.PathValue("link"), Organization: v.field("organization"), Name: v.field("name"), Email: v.field("email"),
		Password: connector.NewSecret(v.field("password")),
	})
	if err != nil {
		f := v.typed("organization", "name", "email")
		if err := f.take(err); err != nil {
			return v.dead(err)
		}
		return v.show(http.StatusUnprocessableEntity, page{title: "Welcome", narrow: true}, setupForm(v, f))
	}
	if err := c.open(v, v.field("email")); err != nil {
		return err
	}
	return v.done("/subscriptions/"+string(sub)+"?create=keys", "Welcome. Make the first pair of binding keys: an app signs its messages with them.")
}

func (c *Console) linkPage(v *visit) error {
	return c.showLink(v, http.StatusOK, v.typed())
}

func (c *Console) showLink(v *visit, status int, f form) error {
	holder, err := c.who.LinkHolder(v.r.Context(), v.r.PathValue("link"))
	if err != nil {
		return v.dead(err)
	}
	ways, err := c.signOn.Ways(v.r.Context(), holder.Person)
	if err != nil {
		return err
	}
	return v.show(status, page{title: "Choose a password", narrow: true}, linkForm(v, f, holder.Email, ways))
}

// dead says what became of a link that leads nowhere any more.
func (v *visit) dead(err error) error {
	var known *connector.Error
	if !errors.As(err, &known) || known.Code != connector.NotFound {
		return err
	}
	const title = "This link does not work any more"
	return v.show(http.StatusNotFound, page{title: title, narrow: true}, trouble(v, title, known.Message))
}

func (c *Console) useLink(v *visit) error {
	email, err := c.who.UseLink(v.r.Context(), v.r.PathValue("link"), v.field("name"), connector.NewSecret(v.field("password")))
	if err != nil {
		f := v.typed("name")
		if err := f.take(err); err != nil {
			return v.dead(err)
		}
		return c.showLink(v, http.StatusUnprocessableEntity, f)
	}
	if err := c.open(v, email); err != nil {
		return err
	}
	return v.redirect(local(v.r.URL.Query().Get("next"), "/"))
}

func (c *Console) endSession(v *visit) error {
	if err := c.who.EndSession(v.r.Context(), v.session, connector.SignInID(v.r.PathValue("id"))); err != nil {
		return err
	}
	return v.done("/account", "That browser is signed out.")
}

func (c *Console) endOtherSessions(v *visit) error {
	if err := c.who.EndOtherSessions(v.r.Context(), v.session); err != nil {
		return err
	}
	return v.done("/account", "You are signed out everywhere but here.")
}
