package adminsock

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/adminsock/command"
)

var simpleLines = []string{
	`{"address":"a@example.test"}`,
	` { "address" : "ä@example.test" , "quota" : "1G" , "disabled" : true, "keep_copy":false } `,
	`{"address":"a@example.test","password_hash":"{SHA512-CRYPT}$6$salt$x","display_name":"A b","quota_bytes":1048576}`,
	`{"address":"a@example.test","password":"Hunter-2222","send_only":true,"local_only":true}`,
}

var otherLines = []string{
	``, `{}`, `[]`, `null`, `{`, `{"address"`, `{"address":`, `{"address":"a"`, `{"address":"a",}`, `{"address":"a"}{}`, `{"address":"a"} x`,
	`{"address":"a","address":"b"}`, `{"Address":"a"}`, `{"colour":"red"}`, `{"":"a"}`, `{"address":null}`, `{"address":"\u0061"}`,
	`{"address":"a` + "\t" + `"}`, "{\"address\":\"\xff\"}", `{"quota_bytes":1.5}`, `{"quota_bytes":-1}`, `{"quota_bytes":01}`, `{"quota_bytes":1e3}`,
	`{"quota_bytes":9999999999999999999}`, `{"addresses":[]}`, `{"switches":{}}`, `{"disabled":tru}`, `{"address":truefalse}`, `{"address" "a"}`,
}

// Simple lines are seen as simple, whatever is wrong with one is not.
func TestIsFlat(t *testing.T) {
	fields := fieldNumbers()
	for _, line := range simpleLines {
		if !isFlat([]byte(line), fields) {
			t.Errorf("isFlat(%s) = false", line)
		}
	}
	for _, line := range otherLines {
		if isFlat([]byte(line), fields) {
			t.Errorf("isFlat(%s) = true", line)
		}
	}
}

// FuzzFlat: what goes the short way is what the long way accepts, and the same.
func FuzzFlat(f *testing.F) {
	for _, line := range append(simpleLines, otherLines...) {
		f.Add(line)
	}
	s, fields := &Server{}, fieldNumbers()
	s.api = newAPI(http.NewServeMux())
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.TrimSpace(line)
		var short command.UserAddBody
		if !isFlat([]byte(line), fields) || json.Unmarshal([]byte(line), &short) != nil {
			return
		}
		long, err := s.parseLine([]byte(line))
		if err != nil && strings.Contains(line, `"address"`) { // one without is refused later
			t.Errorf("%q goes the short way; the long way says %v", line, err)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(long, short); diff != "" {
			t.Errorf("%q is read in two ways (-long +short):\n%s", line, diff)
		}
	})
}
