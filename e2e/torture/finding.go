package main

import "github.com/gatepost/gatepost/internal/directory"

// finding is what processes found that were started after a kill -9, on a file
// system that was not unmounted.
type finding struct {
	early    int    // processes that died at their start
	kills    int    // processes that others followed
	untold   int    // restarts that found a frame that nobody had been told of
	unsynced int    // of these, how many found it in the page cache only
	bare     int    // of these, after how many the power went before a change was acknowledged
	full     int    // restarts on a full disk
	unheld   string // why syncs could not be held
	unknown  string // why it is not known what was not synced

	told  directory.Revision // the last change that somebody was told of, or that was served
	dirty bool               // the process that was killed last left something in the page cache only
	risky bool               // the last one has served an unsynced frame, and acknowledged nothing
}

// killed looks at what a process left that was killed.
func (f *finding) killed(dir string) {
	f.kills++
	var err error
	if f.dirty, err = unsynced(dir); err != nil {
		f.unknown = err.Error()
	}
}

// lived looks at what a process found, and whether it went on from there.
func (f *finding) lived(o orders, answers []answer) {
	f.risky = false
	if o.Full {
		f.full++
	}
	for _, a := range answers {
		switch {
		case a.kind == 'h' && a.reason != "":
			f.unheld = a.reason
		case a.kind == 'f' && a.revision > f.told:
			f.found()
		case a.kind == 'a':
			f.risky = false
		}
		if a.kind == 'a' || a.kind == 'f' {
			f.told = max(f.told, a.revision)
		}
	}
}

func (f *finding) found() {
	f.untold++
	if f.dirty {
		f.unsynced++
		f.risky = true
	}
}

// checked says what is there after a round.
func (f *finding) checked(last directory.Revision) {
	if f.risky {
		f.bare++
	}
	f.told, f.dirty, f.risky = last, false, false
}

func (f *finding) add(g finding) {
	f.early, f.kills, f.full = f.early+g.early, f.kills+g.kills, f.full+g.full
	f.untold, f.unsynced, f.bare = f.untold+g.untold, f.unsynced+g.unsynced, f.bare+g.bare
	f.unheld, f.unknown = max(f.unheld, g.unheld), max(f.unknown, g.unknown)
}

func (f *finding) tell(r *result) {
	r.note("%d times kill -9 before; %d restarts on a full disk", f.kills, f.full)
	r.note("restarts that found frames nobody was told of: %d", f.untold)
	r.note("restarts that found unsynced frames: %d; %d of them lost the power before they acknowledged a change", f.unsynced, f.bare)
	if f.unheld != "" {
		r.note("syncs could not be held: %s", f.unheld)
	}
	if f.unknown != "" {
		r.note("what was not synced is not known: %s", f.unknown)
	}
}
