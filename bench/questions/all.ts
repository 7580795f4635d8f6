/** Every question, in the order of the figures' table. */
import { add1m } from './add-1m.ts';
import { add10m } from './add-10m.ts';
import { addJson1m } from './add-json-1m.ts';
import { array1m } from './array-1m.ts';
import { counts1m } from './counts-1m.ts';
import { cycles1000 } from './cycles-1000.ts';
import { depend1m } from './depend-1m.ts';
import { dependGroup } from './depend-group.ts';
import { footprint } from './footprint.ts';
import { groups100k } from './groups-100k.ts';
import { history, historyKey } from './history.ts';
import { idle10k } from './idle-10k.ts';
import { lastTenth } from './last-tenth.ts';
import { mod1m } from './mod-1m.ts';
import type { Question } from './question.ts';
import { restart1m } from './restart-1m.ts';
import { run10k } from './run-10k.ts';

export const QUESTIONS: readonly Question[] = [
  add1m,
  add10m,
  addJson1m,
  array1m,
  footprint,
  counts1m,
  history,
  historyKey,
  restart1m,
  run10k,
  cycles1000,
  idle10k,
  groups100k,
  lastTenth,
  mod1m,
  dependGroup,
  depend1m,
];
