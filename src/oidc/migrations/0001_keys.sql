-- Our own signing keys. Instants are microseconds since 1970 UTC.

-- A key signs from signs_us until signs_until_us, and is published from the day it is made until
-- published_until_us: whoever fetched our keys a while ago knows the next one, and what was signed
-- last can still be verified.
CREATE TABLE oidc_key (
	kid TEXT PRIMARY KEY,              -- RFC 7638
	purpose TEXT NOT NULL CHECK (purpose IN ('client', 'provider')),
	alg TEXT NOT NULL,
	private TEXT NOT NULL,             -- JWK, sealed with the city's key
	public TEXT NOT NULL,              -- JWK
	signs_us BIGINT NOT NULL,
	signs_until_us BIGINT NOT NULL,
	published_until_us BIGINT NOT NULL
);
CREATE INDEX oidc_key_purpose ON oidc_key (purpose, published_until_us);
