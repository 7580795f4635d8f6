/** The process of the adding reference: node read-split-hash.js FILE. */
import { readSplitHash } from './references.ts';

console.log(await readSplitHash(process.argv[2] ?? ''));
