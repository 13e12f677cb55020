package program_test

import (
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/e2e/program"
)

func TestParse(t *testing.T) {
	all := []string{"kill", "flip", "full"}
	for _, row := range []struct {
		name  string
		args  []string
		want  []string // the cases that are run
		wrong string   // or what the error says
	}{
		{name: "nothing is said", want: all},
		{name: "one", args: []string{"-case", "flip"}, want: []string{"flip"}},
		{name: "some, in the order of all", args: []string{"-case", "full,kill"}, want: []string{"kill", "full"}},
		{name: "another flag", args: []string{"-v"}, want: all},
		{name: "a typing error", args: []string{"-case", "flap"}, wrong: `there is no case "flap"; there are kill, flip, full`},
		{name: "a typing error among others", args: []string{"-case", "kill,flap"}, wrong: `there is no case "flap"`},
		{name: "an empty name", args: []string{"-case", ""}, wrong: `there is no case ""`},
		{name: "no flag", args: []string{"kill"}, wrong: `unexpected argument "kill"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			var o program.Options
			set := flag.NewFlagSet("test", flag.ContinueOnError)
			set.SetOutput(io.Discard)
			err := o.Parse(set, row.args, all...)
			if row.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), row.wrong) {
					t.Fatalf("Parse(%q) = %v, want %q", row.args, err, row.wrong)
				}
				return
			}
			var got []string
			for _, name := range all {
				if o.Wants(name) {
					got = append(got, name)
				}
			}
			if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
				t.Errorf("Parse(%q) = %v; cases (-want +got):\n%s", row.args, err, diff)
			}
		})
	}
}
