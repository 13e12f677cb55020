package directory

import (
	"reflect"
	"testing"
)

// A field of UserFields that can be changed through a copy must be in clone.
func TestCloneSharesNothing(t *testing.T) {
	var u UserFields
	fillSlices(reflect.ValueOf(&u).Elem())
	if shared := sharedSlices(reflect.ValueOf(u), reflect.ValueOf(u.clone()), "UserFields"); shared != nil {
		t.Errorf("clone shares %v", shared)
	}
}

// fillSlices gives every exported slice one element.
func fillSlices(v reflect.Value) {
	for _, field := range v.Fields() {
		switch f := field; {
		case f.Kind() == reflect.Slice && f.CanSet():
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case f.Kind() == reflect.Struct && f.CanSet():
			fillSlices(f)
		}
	}
}

func sharedSlices(a, b reflect.Value, path string) (shared []string) {
	for i := range a.NumField() {
		name := path + "." + a.Type().Field(i).Name
		switch f, g := a.Field(i), b.Field(i); f.Kind() {
		case reflect.Slice:
			if f.Len() > 0 && f.Pointer() == g.Pointer() {
				shared = append(shared, name)
			}
		case reflect.Struct:
			shared = append(shared, sharedSlices(f, g, name)...)
		case reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan:
			if !a.Type().Field(i).IsExported() {
				continue // time.Time's zone: immutable
			}
			shared = append(shared, name)
		}
	}
	return shared
}
