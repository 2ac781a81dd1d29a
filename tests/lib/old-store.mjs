// The stores of former schema versions (tests/stores).
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, storeKind } from './city.mjs';

const stores = join(root, 'tests/stores');
export const versions = readdirSync(stores, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name);

// Into the data directory, and on PostgreSQL into the empty database at the URL.
export function unpack(version, dir, url) {
	const folder = join(stores, version);
	execFileSync('tar', ['-xJf', join(folder, `${storeKind}.tar.xz`), '-C', dir]);
	if (storeKind === 'postgres') execFileSync('bash', ['-o', 'pipefail', '-c', 'xz -dc "$0" | psql -qX -v ON_ERROR_STOP=1 -d "$1" >/dev/null', join(folder, 'postgres.sql.xz'), url]);
}
