package rig

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// The blocks of README.md that a rig runs, by the second word of their fence.
const (
	gatepostBlock = "gatepost.toml"
	mainBlock     = "main.cf"
	masterBlock   = "master.cf"
	dovecotBlock  = "dovecot-2.3.conf"
)

var fenced = regexp.MustCompile("(?ms)^```[a-z]+ ([^\n]+)\n(.*?)^```$")

// readBlocks returns the named fenced blocks of a document.
func readBlocks(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	blocks := map[string]string{}
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] += m[2]
	}
	for _, name := range []string{gatepostBlock, mainBlock, masterBlock, dovecotBlock} {
		if blocks[name] == "" {
			return nil, fmt.Errorf("%s: no block named %s", file, name)
		}
	}
	return blocks, nil
}

// substitution replaces one text of a block. It must occur: a block that no
// longer holds it is run with a system path otherwise.
type substitution struct{ documented, here string }

// substituted returns a documented block with the rig's own paths and names.
func (r *Rig) substituted(block string, all ...substitution) (string, error) {
	text := r.blocks[block]
	for _, s := range all {
		if !strings.Contains(text, s.documented) {
			return "", fmt.Errorf("block %s does not hold %q any more", block, s.documented)
		}
		text = strings.ReplaceAll(text, s.documented, s.here)
	}
	return text, nil
}

func (r *Rig) write(name, text string, mode os.FileMode) error {
	return os.WriteFile(r.path(name), []byte(text), mode)
}
