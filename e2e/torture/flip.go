package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// flips flips one bit a time.
func flips(ctx context.Context, t *torture) *result {
	r := &result{name: "one bit flipped"}
	all, err := specimens(ctx, t)
	if err != nil {
		r.fail("%v", err)
		return r
	}
	verdicts := map[string]int{}
	for r.rounds < t.Flips && ctx.Err() == nil {
		sp := all[r.rounds%len(all)]
		r.trial(ctx, t, sp, verdicts, func(dir string) (string, error) {
			list, err := files(dir)
			if err != nil {
				return "", err
			}
			path := list[rand.IntN(len(list))]
			at, err := flipBit(path)
			return fmt.Sprintf("%s, byte %d", strings.TrimPrefix(path, dir+"/"), at), err
		})
	}
	r.count(verdicts)
	return r
}

// removals deletes and cuts each file in turn, or as many as wanted.
func removals(ctx context.Context, t *torture) *result {
	r := &result{name: "each file deleted, cut to half, emptied"}
	all, err := specimens(ctx, t)
	if err != nil {
		r.fail("%v", err)
		return r
	}
	type wound struct {
		sp         *specimen
		name, what string
	}
	var wounds []wound
	for _, sp := range all {
		list, err := files(sp.dir)
		if err != nil {
			r.fail("%v", err)
		}
		for _, path := range list {
			for what := range removalsOf {
				wounds = append(wounds, wound{sp, strings.TrimPrefix(path, sp.dir+"/"), what})
			}
		}
	}
	if t.Removals > 0 {
		rand.Shuffle(len(wounds), func(i, j int) { wounds[i], wounds[j] = wounds[j], wounds[i] })
		wounds = wounds[:t.Removals]
	}
	verdicts := map[string]int{}
	for _, w := range wounds {
		if ctx.Err() != nil {
			break
		}
		r.trial(ctx, t, w.sp, verdicts, func(dir string) (string, error) {
			return w.name + " " + w.what, removalsOf[w.what](filepath.Join(dir, w.name))
		})
	}
	r.count(verdicts)
	return r
}

var removalsOf = map[string]func(path string) error{
	"deleted": os.Remove,
	"emptied": func(path string) error { return os.Truncate(path, 0) },
	"cut to half": func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	},
}

// trial hurts a copy of a specimen and looks what comes of it.
func (r *result) trial(ctx context.Context, t *torture, sp *specimen, verdicts map[string]int, hurt func(dir string) (string, error)) {
	r.rounds++
	r.acknowledged += int(sp.want[0].Revision)
	dir := filepath.Join(t.Dir, fmt.Sprint("trial", r.rounds))
	what := ""
	err := copyState(dir, sp.dir)
	if err == nil {
		what, err = hurt(dir)
	}
	verdict := ""
	if err == nil {
		verdict, err = sp.inspect(ctx, dir)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		verdict = "WRONG"
		r.lost++
		r.fail("%s of a daemon that was %s, in %s: %v", what, sp.name, dir, err)
	} else {
		_ = os.RemoveAll(dir)
	}
	verdicts[verdict]++
	t.Say("%s (%s): %s", what, sp.name, verdict)
}

func (r *result) count(verdicts map[string]int) {
	for _, v := range slices.Sorted(maps.Keys(verdicts)) {
		r.note("%d %s", verdicts[v], v)
	}
}
