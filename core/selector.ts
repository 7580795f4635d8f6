/** Which jobs a command means (cli.md §1.7). */
export type Selector =
  | { readonly by: 'all' }
  | { readonly by: 'repGroup'; readonly repGroup: string; readonly search: boolean }
  /** 16 bytes a key, in order. */
  | { readonly by: 'keys'; readonly keys: Uint8Array }
  /** Jobs with a bsub mode, by their LSF job ids; none given: all of them. */
  | { readonly by: 'bsub'; readonly ids: readonly number[] };
