/** How all that comes of an attempt is known on its host: by a variable that is handed down, and has no second of its value. */
export const MARK_NAME = 'WR_ATTEMPT';

/** @param token - of the attempt; those of another manager may be the same. @param runnerId - which no other runner has */
export function attemptMark(token: number, runnerId: string): string {
  return `${token}-${runnerId}`;
}

/** As it stands in the environment of a process, which has a zero byte behind each variable. */
export function markEntry(mark: string): string {
  return `${MARK_NAME}=${mark}\0`;
}
