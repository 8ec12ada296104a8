/** `npm run schema`: writes the schema of both databases to the file that is named. */
import { writeFileSync } from 'node:fs';
import { assert } from '../domain/errors.ts';
import { renderSchema } from './schema-text.ts';

const [path] = process.argv.slice(2);
assert(path !== undefined, 'print-schema needs the name of the file to write');
writeFileSync(path, await renderSchema());
