package keyring_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

func credentials(t *testing.T) map[string]string {
	t.Helper()
	key, secret, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	token, err := keyring.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"tck_": key, "tcs_": secret, "tct_": token}
}

func TestCredentialsAreFoundByPattern(t *testing.T) {
	find := regexp.MustCompile(keyring.Pattern)
	for range 50 {
		for prefix, c := range credentials(t) {
			want := 4 + 52 + 6
			if prefix == "tck_" {
				want = 4 + 26 + 6
			}
			if len(c) != want || !strings.HasPrefix(c, prefix) {
				t.Fatalf("%s has %d characters, want %d after %s", c, len(c), want, prefix)
			}
			if got := find.FindString(`{"value":"` + c + `"}`); got != c {
				t.Fatalf("the pattern finds %q in a text with %q", got, c)
			}
			if !keyring.WellFormed(c) {
				t.Fatalf("%q is not well-formed", c)
			}
		}
	}
	for _, text := range []string{"tck_", "tcs_" + strings.Repeat("o", 58), "tck_" + strings.Repeat("0", 33)} {
		if find.MatchString(text) {
			t.Errorf("the pattern finds a credential in %q", text)
		}
	}
}

func TestChecksumCatchesEverySingleTypo(t *testing.T) {
	for _, c := range credentials(t) {
		for i := range len(c) {
			for b := range 256 {
				typo := c[:i] + string([]byte{byte(b)}) + c[i+1:]
				if typo != c && keyring.WellFormed(typo) {
					t.Fatalf("%q is taken for %q", typo, c)
				}
			}
			for _, typo := range []string{c[:i] + c[i+1:], c[:i] + c[i:i+1] + c[i:], c + c[i:]} {
				if keyring.WellFormed(typo) {
					t.Fatalf("%q is taken for %q", typo, c)
				}
			}
			if i+1 < len(c) && c[i] != c[i+1] {
				if swapped := c[:i] + c[i+1:i+2] + c[i:i+1] + c[i+2:]; keyring.WellFormed(swapped) {
					t.Fatalf("%q is taken for %q", swapped, c)
				}
			}
		}
	}
}

func TestOtherTextsAreNotWellFormed(t *testing.T) {
	c := credentials(t)
	for _, s := range []string{
		"", "tck_", "tcs_", "Bearer", strings.ToUpper(c["tck_"]), " " + c["tck_"], c["tck_"] + "\n",
		"tct_" + c["tcs_"][4:], "tcs_" + c["tct_"][4:], "tck_" + strings.Repeat("é", 16), strings.Repeat("\xff", 36),
	} {
		if keyring.WellFormed(s) {
			t.Errorf("%q is taken for a credential", s)
		}
	}
}

func TestCredentialsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		for _, c := range credentials(t) {
			if seen[c] {
				t.Fatal("a credential was made twice")
			}
			seen[c] = true
		}
	}
	var letters [256]int
	for c := range seen {
		for i := 4; i < len(c)-6; i++ {
			letters[c[i]]++
		}
	}
	for _, l := range alphabet {
		if letters[l] == 0 {
			t.Errorf("no credential holds %q", l)
		}
	}
}

func TestHashTellsSecretsApart(t *testing.T) {
	a, b := keyring.Hash("tcs_a"), keyring.Hash("tcs_b")

	if !keyring.Equal(a, keyring.Hash("tcs_a")) {
		t.Error("the same secret has two hashes")
	}
	if keyring.Equal(a, b) {
		t.Error("two secrets have the same hash")
	}
}

func TestContentMACTellsContentsApart(t *testing.T) {
	key := newKey(t)
	mac := func(parts ...string) [32]byte {
		bytes := make([][]byte, len(parts))
		for i, p := range parts {
			bytes[i] = []byte(p)
		}
		return keyring.ContentMAC(key, bytes...)
	}
	same := mac("wh_1", "1", "text")

	if same != mac("wh_1", "1", "text") {
		t.Error("the same content has two codes")
	}
	for _, other := range [][32]byte{
		mac("wh_1", "1", "Text"), mac("wh_11", "", "text"), mac("wh_1", "1text"), mac("wh_1", "1", "text", ""),
		keyring.ContentMAC(newKey(t), []byte("wh_1"), []byte("1"), []byte("text")),
	} {
		if same == other {
			t.Error("another content or key has the same code")
		}
	}
}
