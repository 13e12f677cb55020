package directory

import "weak"

// RawContents are records that nobody has checked.
func RawContents(records map[string][]byte) *Contents { return &Contents{records} }

// TableGone returns what reports whether nothing is left of the present table.
func (d *Directory) TableGone() func() bool {
	m := d.memory.Load()
	table := weak.Make(m)
	var parts []weak.Pointer[byte]
	for i := range m.shards {
		for _, chunk := range *m.shards[i].gen.Load().chunks.Load() {
			parts = append(parts, weak.Make(&chunk[0]))
		}
	}
	return func() bool {
		gone := table.Value() == nil
		for _, part := range parts {
			gone = gone && part.Value() == nil
		}
		return gone
	}
}
