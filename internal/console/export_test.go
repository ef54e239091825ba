package console

// Patterns lists all that the console answers.
func Patterns() (all []string) {
	for _, rt := range new(Console).routes() {
		all = append(all, rt.pattern)
	}
	return all
}
