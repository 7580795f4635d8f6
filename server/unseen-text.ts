/** Groups never seen that an add is warned of. */
const UNSEEN_SHOWN_MAX = 1_000;

/** What to tell whoever makes commands wait for a dependency group that nothing was ever added to. */
export function unseenText(name: string): string {
  return `dependency group "${name}" has not been seen; dependent job(s) will wait until it appears`;
}

/** The same of several, sorted. */
export function unseenTexts(groups: Iterable<string>): string[] {
  const names = [...groups].sort();
  const shown = names.slice(0, UNSEEN_SHOWN_MAX).map(unseenText);
  if (names.length > shown.length)
    shown.push(`the same holds for ${names.length - shown.length} more dependency groups`);
  return shown;
}
