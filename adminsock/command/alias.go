package command

import "time"

// Alias is an alias in JSON.
type Alias struct {
	Address  string    `json:"address"`
	Targets  []string  `json:"targets" nullable:"false" doc:"where its mail goes"`
	Revision uint64    `json:"revision"`
	Created  time.Time `json:"created"`
}

// The inputs of the alias commands.
type (
	AliasAddInput struct{ Body AliasBody }
	AliasBody     struct {
		Address string   `json:"address" cli:"arg" doc:"the alias"`
		Targets []string `json:"targets" nullable:"false" cli:"args:TARGET" complete:"user" doc:"where its mail goes"`
	}
	AliasInput struct {
		Address string `path:"address" cli:"arg" complete:"alias" doc:"the alias"`
	}
	AliasSetInput struct {
		AliasInput
		Match
		Body AliasSetBody
	}
	AliasSetBody struct {
		Targets  []string `json:"targets" nullable:"false" cli:"args:TARGET" complete:"user" doc:"where its mail goes"`
		Revision uint64   `json:"revision,omitempty" cli:"flag" doc:"refuse when it was changed since this revision"`
	}
	AliasDeleteInput struct {
		AliasInput
		Match
		Revision uint64 `query:"revision" cli:"flag" doc:"refuse when it was changed since this revision"`
	}
	AliasTargetAddInput struct {
		AliasInput
		Match
		Body AliasTargetBody
	}
	AliasTargetBody struct {
		Target string `json:"target" cli:"arg" complete:"user" doc:"the address to add"`
	}
	AliasTargetInput struct {
		AliasInput
		Match
		Target string `path:"target" cli:"arg" doc:"the address to take out"`
	}
)

// The alias commands.
var (
	AliasAdd = op[AliasAddInput, Alias](Spec{
		Name: "alias add", Summary: "add an alias", Example: "team@example.test alice@example.test bob@example.test",
		Method: "POST", Path: "/v1/aliases", Permission: WriteAliases, Object: "address", Write: true,
		Done: "alias {address} added",
	})
	AliasList = op[ListInput, Alias](Spec{
		Name: "alias list", Summary: "list aliases, by domain and address", Example: "--domain example.test",
		Method: "GET", Path: "/v1/aliases", Permission: ReadAliases, List: true,
	})
	AliasShow = op[AliasInput, Alias](Spec{
		Name: "alias show", Summary: "show an alias", Example: "team@example.test",
		Method: "GET", Path: "/v1/aliases/{address}", Permission: ReadAliases, Object: "address",
	})
	AliasSet = op[AliasSetInput, Alias](Spec{
		Name: "alias set", Summary: "replace the targets of an alias", Example: "team@example.test alice@example.test",
		Method: "PUT", Path: "/v1/aliases/{address}", Permission: WriteAliases, Object: "address", Write: true,
		Done: "alias {address} changed",
	})
	AliasDelete = op[AliasDeleteInput, Gone](Spec{
		Name: "alias delete", Summary: "delete an alias", Example: "team@example.test",
		Method: "DELETE", Path: "/v1/aliases/{address}", Permission: WriteAliases, Object: "address", Write: true,
		Done: "alias {address} deleted",
	})
	AliasTargetAdd = op[AliasTargetAddInput, Alias](Spec{
		Name: "alias target add", Summary: "add a target to an alias", Example: "team@example.test carol@example.test",
		Method: "POST", Path: "/v1/aliases/{address}/targets", Permission: WriteAliases, Object: "address", Write: true,
		Done: "{target} added to alias {address}",
	})
	AliasTargetRemove = op[AliasTargetInput, Alias](Spec{
		Name: "alias target remove", Summary: "take a target out of an alias", Example: "team@example.test carol@example.test",
		Method: "DELETE", Path: "/v1/aliases/{address}/targets/{target}", Permission: WriteAliases, Object: "address", Write: true,
		Done: "{target} removed from alias {address}",
	})
)
