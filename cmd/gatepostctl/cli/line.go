package cli

import (
	"context"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
)

// run runs a command line.
func (l *line) run(ctx context.Context, args []string) error {
	req, err := l.request(ctx, args)
	if err != nil {
		return err
	}
	defer req.close()
	if l.why != "" {
		req.query.Set(command.Reason, l.why)
	}
	if req.spec.IsFile() {
		return l.save(ctx, req)
	}
	if req.spec.Confirm != "" && !l.yes {
		return usage("%s %s; say --yes if you mean it", l.spec.Name, req.spec.Confirm)
	}
	res, err := l.send(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return l.print(req, res.Body)
}

// request makes the request of a command line.
func (l *line) request(ctx context.Context, args []string) (*request, error) {
	if l.file.given() {
		return l.fromFile(args)
	}
	if or := command.Find(l.spec.Or); or != nil && !hasFile(or) && len(args) == 0 {
		return newRequest(or), nil
	}
	req := newRequest(l.spec)
	rest, err := l.arguments(req, args)
	if err != nil {
		return nil, err
	}
	if err := l.assign(req, rest); err != nil {
		return nil, err
	}
	for _, v := range l.flags {
		if err := set(req, v); err != nil {
			return nil, err
		}
	}
	return req, l.secrets(ctx, req)
}

// fromFile makes the request of the command that takes a file instead.
func (l *line) fromFile(args []string) (*request, error) {
	name := l.file.texts[0]
	if len(args) > 0 {
		return nil, usage("%s: either %s or --%s, not both", l.spec.Name, strings.Join(arguments(l.spec), " "), l.file.param.Name)
	}
	for _, v := range l.flags {
		if v.given() && v != l.file {
			return nil, usage("--%s cannot be given with --%s: each line says it for itself", v.param.Name, l.file.param.Name)
		}
	}
	f, err := l.open(name)
	if err != nil {
		return nil, err
	}
	req := newRequest(command.Find(l.spec.Or))
	req.stream = f
	return req, nil
}

// arguments takes the arguments that have names, and returns the others.
func (l *line) arguments(req *request, args []string) (rest []string, err error) {
	want := strings.Join(arguments(l.spec), " ")
	for _, p := range l.spec.Params() {
		switch p.Use {
		case command.Arg, command.Source, command.Target:
			if len(args) == 0 || args[0] == "" {
				return nil, usage("%s needs %s", l.spec.Name, strings.Trim(want, "[]"))
			}
			if err := l.take(req, p, args[0]); err != nil {
				return nil, err
			}
			args = args[1:]
		case command.Args:
			if len(args) == 0 {
				return nil, usage("%s needs %s", l.spec.Name, want)
			}
			req.set(p, args)
			args = nil
		}
	}
	if len(args) > 0 && !l.spec.Assign {
		return nil, usage("%s takes %s; %q is too much", l.spec.Name, orNothing(want), args[0])
	}
	return args, nil
}

// take takes an argument that has a name.
func (l *line) take(req *request, p command.Param, arg string) (err error) {
	switch p.Use {
	case command.Source:
		req.stream, err = l.open(arg)
		return err
	case command.Target:
		req.target = arg
		return nil
	}
	v, err := value(p, arg)
	if err != nil {
		return usage("%s: %v", p.Name, err)
	}
	req.set(p, v)
	return nil
}

func orNothing(want string) string {
	if want == "" {
		return "no arguments"
	}
	return want
}

// assign reads KEY=VALUE arguments.
func (l *line) assign(req *request, args []string) error {
	if !l.spec.Assign {
		return nil
	}
	keys := map[string]command.Param{}
	var names []string
	for _, p := range l.spec.Params() {
		if p.Use == command.Key {
			keys[p.Name] = p
			names = append(names, p.Name)
		}
	}
	if len(args) == 0 {
		return usage("%s needs KEY=VALUE; the keys are %s", l.spec.Name, strings.Join(names, ", "))
	}
	seen := map[string]bool{}
	for _, arg := range args {
		key, text, ok := strings.Cut(arg, "=")
		p, known := keys[strings.ReplaceAll(key, "_", "-")]
		switch {
		case !ok:
			return usage("%q is not KEY=VALUE; the keys are %s", arg, strings.Join(names, ", "))
		case !known:
			return usage("there is no key %q; the keys are %s", key, strings.Join(names, ", "))
		case seen[p.Name]:
			return usage("key %s is given twice; the values of a list are separated by commas", p.Name)
		}
		seen[p.Name] = true
		v, err := value(p, text)
		if err != nil {
			return usage("%s: %v", key, err)
		}
		req.set(p, v)
	}
	return nil
}

// set takes a flag, if it was given.
func set(req *request, v *flagValue) error {
	if !v.given() || v.param.Use == command.Instead {
		return nil
	}
	got, err := value(v.param, v.String())
	if err != nil {
		return usage("--%s: %v", v.param.Name, err)
	}
	req.set(v.param, got)
	return nil
}
