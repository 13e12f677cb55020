package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// result is what a case has found.
type result struct {
	name         string
	rounds       int
	acknowledged int
	lost         int
	failure      string
	notes        []string
	took         time.Duration
}

// fail notes the first thing that is wrong, and returns false.
func (r *result) fail(format string, a ...any) bool {
	if r.failure == "" {
		r.failure = fmt.Sprintf(format, a...)
	}
	return false
}

func (r *result) note(format string, a ...any) { r.notes = append(r.notes, fmt.Sprintf(format, a...)) }

func (r *result) ok() bool { return r.failure == "" && r.lost == 0 }

// print writes the table of all results, and what failed.
func printResults(w io.Writer, results []*result) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CASE\tROUNDS\tACKNOWLEDGED\tLOST\tTOOK\tRESULT\tNOTES")
	for _, r := range results {
		verdict := "ok"
		if !r.ok() {
			verdict = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\t%s\n", r.name, r.rounds, r.acknowledged, r.lost,
			r.took.Round(100*time.Millisecond), verdict, strings.Join(r.notes, "; "))
	}
	_ = table.Flush()
	for _, r := range results {
		if r.failure != "" {
			fmt.Fprintf(w, "\n%s: %s\n", r.name, r.failure)
		}
	}
}
