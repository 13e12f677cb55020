package password

import "testing"

func BenchmarkVerify(b *testing.B) {
	for _, scheme := range []Scheme{Argon2ID, BLFCrypt, SHA512Crypt} {
		b.Run(string(scheme), func(b *testing.B) {
			v := NewVerifier(Options{})
			hash, err := v.Hash(b.Context(), scheme, Secret("s3cret-passphrase-20"))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := v.Verify(b.Context(), hash, Secret("s3cret-passphrase-20")); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkVerifyRandom(b *testing.B) {
	s := Random()
	hash := HashRandom(s)
	for b.Loop() {
		if !VerifyRandom(hash, s) {
			b.Fatal("no match")
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c, hash, s := NewCache(CacheSize), []byte("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"+salt16+"$/"+key32), Secret("s3cret-passphrase-20")
	c.Add(hash, s)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !c.Hit(hash, s) {
				b.Fatal("no hit")
			}
		}
	})
}

func BenchmarkParseHash(b *testing.B) {
	text := "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$/" + key32
	for b.Loop() {
		if _, err := ParseHash(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecoy(b *testing.B) {
	v := NewVerifier(Options{})
	for b.Loop() {
		v.Decoy([]byte("nobody@example.org"))
	}
}
