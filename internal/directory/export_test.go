package directory

// RawContents are records that nobody has checked.
func RawContents(records map[string][]byte) *Contents { return &Contents{records} }
