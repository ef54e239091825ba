package keyring_test

import (
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

func TestPasswordFitsItsOwnHashOnly(t *testing.T) {
	hash, err := keyring.HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	other, err := keyring.HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}

	if !keyring.CheckPassword(hash, "correct horse") {
		t.Error("its own password does not fit")
	}
	if keyring.CheckPassword(hash, "correct horsf") {
		t.Error("another password fits")
	}
	if hash == other {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	if strings.Contains(hash, "horse") {
		t.Error("the hash shows the password")
	}
}

// RFC 9106 names the parameters; a stored row that was tampered with must neither fit nor take all memory.
func TestWhatIsNoHashFitsNoPassword(t *testing.T) {
	for _, phc := range []string{
		"", "plain", "$2a$10$abc", "$argon2id$v=19$m=0,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$$", "$argon2id$v=19$m=19456,t=99,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAA",
	} {
		if keyring.CheckPassword(phc, "") {
			t.Errorf("%q fits the empty password", phc)
		}
	}
}
