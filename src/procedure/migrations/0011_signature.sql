-- An application signed with the applicant's signature certificate (署名用電子証明書): the last signature,
-- while a draft and ever after.
CREATE TABLE application_signature (
	application BIGINT PRIMARY KEY REFERENCES application (id) ON DELETE CASCADE,
	digest TEXT NOT NULL,                 -- SHA-256 of the document that was signed
	package TEXT NOT NULL,                -- base64url of a tar: what was signed, signature, proofs
	summary TEXT NOT NULL,                -- JSON for pages: who, when, what differs from the form
	signed_us BIGINT NOT NULL             -- when it was verified here
);
