/**
 * Writes a history in a process of its own: `history-writer PATH COUNT GROUP`. Were it done by the process that measures, that
 * would have become so large that starting others takes it longer.
 */
import { plainLine } from './files.ts';
import { writeHistory } from './history.ts';

const [path = '', count = '', group = ''] = process.argv.slice(2);
await writeHistory(path, Number(count), group, plainLine);
process.exit(0);
