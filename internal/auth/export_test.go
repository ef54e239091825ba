package auth

// Limited is how many addresses are remembered for wrong secrets.
func (a *Auth) Limited() int {
	a.wrong.mu.Lock()
	defer a.wrong.mu.Unlock()
	return len(a.wrong.known)
}
