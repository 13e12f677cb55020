package adminsock

import "github.com/gatepost/gatepost/adminsock/command"

// edits are changes to the fields of T, to be made inside the committer: all
// that can be checked before was.
type edits[T any] []func(*T) error

// apply makes the changes in order.
func (list edits[T]) apply(v *T) error {
	for _, edit := range list {
		if err := edit(v); err != nil {
			return err
		}
	}
	return nil
}

// set adds a change that cannot fail.
func (list *edits[T]) set(fn func(*T)) {
	*list = append(*list, func(v *T) error { fn(v); return nil })
}

// plainField adds a change of a field that needs no parsing.
func plainField[T, V any](list *edits[T], o command.Optional[V], field func(*T) *V) {
	if o.Set {
		list.set(func(v *T) { *field(v) = o.Value })
	}
}

// parsedField adds a change of a field that is parsed now.
func parsedField[T, V, W any](list *edits[T], o command.Optional[V], parse func(V) (W, error), field func(*T) *W) error {
	if !o.Set {
		return nil
	}
	w, err := parse(o.Value)
	if err != nil {
		return err
	}
	list.set(func(v *T) { *field(v) = w })
	return nil
}

// named gives a parser the name of the field, for its errors.
func named[V, W any](field string, parse func(string, V) (W, error)) func(V) (W, error) {
	return func(v V) (W, error) { return parse(field, v) }
}
