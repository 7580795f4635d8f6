/** What to tell whoever makes commands wait for a dependency group that nothing was ever added to. */
export function unseenText(name: string): string {
  return `dependency group "${name}" has not been seen; dependent job(s) will wait until it appears`;
}
