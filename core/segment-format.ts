/**
 * The bytes of a segment, the unit in which queued jobs are stored. Consecutive jobs, one column for each thing known of them, so that a
 * plain job costs its command and 18 bytes. Little-endian:
 *
 * ```
 * offset  size
 *      0     3  "WRS"
 *      3     1  format version
 *      4     4  flags: which columns there are, and how wide
 *      8     4  n, jobs
 *     12     4  t, templates
 *     16     4  bytes of all commands
 *     20     4  bytes of all deltas
 *     24    4t  template ids
 *          16n  keys
 *        2n|4n  command lengths                absent in an array
 *     n|2n|4n?  which of the templates         absent with one template
 *           n?  priorities                     absent when every job has its template's
 *       2n|4n?  delta lengths, deltas as JSON  absent when no job has any
 *               commands, or what an array has instead
 * ```
 */
export const SEGMENT_VERSION = 1;
export const HEADER_BYTES = 24;
export const MAGIC = [0x57, 0x52, 0x53] as const;

/** Bits of the flags. */
export const FLAG = {
  wideCommands: 1,
  /** Two bits: the width of the template index as 0, 1, 2 or 3 for none, u8, u16, u32. */
  indexShift: 1,
  indexMask: 6,
  priorities: 8,
  deltas: 16,
  wideDeltas: 32,
  /** An array: one pattern for all commands, one delta for all jobs (`array-segment.ts`), and no lengths of either. */
  array: 64,
} as const;
export const FLAGS_ALL = 127;
export const INDEX_WIDTHS = [0, 1, 2, 4] as const;
