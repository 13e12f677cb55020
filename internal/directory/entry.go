package directory

import (
	"bytes"
	"iter"
	"slices"
)

// Len returns how many changes the entry holds: its Changes, then its Users.
func (e *Entry) Len() int {
	n := len(e.Changes)
	for _, u := range e.Users {
		n += len(u.order)
	}
	return n
}

// MaxEntry is the most bytes that the changes of one command take, as size counts
// them: what becomes durable at once is one piece, which is read at once too.
const MaxEntry = 1<<30 - 1<<20

// perChange is more than a store keeps of a change beside its key and value: three
// numbers and a mark.
const perChange = 24

// size returns how many bytes a store needs for the changes, or some more.
func (e *Entry) size() int {
	n := 0
	for c := range e.All() {
		n += perChange + len(c.Key) + len(c.Value)
	}
	return n
}

// At returns change i of the entry.
func (e *Entry) At(i int) Change {
	if i < len(e.Changes) {
		return e.Changes[i]
	}
	i -= len(e.Changes)
	for _, u := range e.Users {
		if i < len(u.order) {
			return u.change(u.order[i])
		}
		i -= len(u.order)
	}
	return Change{}
}

// All yields the changes of the entry, in the order of At.
func (e *Entry) All() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for _, c := range e.Changes {
			if !yield(c) {
				return
			}
		}
		for _, u := range e.Users {
			for _, i := range u.order {
				if !yield(u.change(i)) {
					return
				}
			}
		}
	}
}

// Find returns the change of a name in an entry that a directory has made: its
// Changes are sorted.
func (e *Entry) Find(key []byte) (Change, bool) {
	i, ok := slices.BinarySearchFunc(e.Changes, key, func(c Change, key []byte) int { return bytes.Compare(c.Key, key) })
	if ok {
		return e.Changes[i], true
	}
	for _, u := range e.Users {
		if i, ok := u.find(key); ok {
			return u.change(uint32(i)), true
		}
	}
	return Change{}, false
}

// change returns what creates user i.
func (u *Users) change(i uint32) Change {
	key, value := u.user(int(i))
	return Change{Key: key, Value: value}
}
