/** What a shell writes when a signal ended its command: the C library's names of the signals. */

const NAMES: Readonly<Record<number, string>> = {
  1: 'Hangup',
  3: 'Quit',
  4: 'Illegal instruction',
  5: 'Trace/breakpoint trap',
  6: 'Aborted',
  7: 'Bus error',
  8: 'Floating point exception',
  9: 'Killed',
  10: 'User defined signal 1',
  11: 'Segmentation fault',
  12: 'User defined signal 2',
  14: 'Alarm clock',
  15: 'Terminated',
  16: 'Stack fault',
  24: 'CPU time limit exceeded',
  25: 'File size limit exceeded',
  26: 'Virtual timer expired',
  27: 'Profiling timer expired',
  29: 'I/O possible',
  30: 'Power failure',
  31: 'Bad system call',
};

const DUMPED = ' (core dumped)';

/**
 * The shell's message about a signal at the end of an error output, if it stands there.
 * @returns the end of the text to be taken off, with the line break before it; `null`: there is none
 */
export function signalMessage(stderr: string, signal: number): string | null {
  const name = NAMES[signal];
  if (name === undefined) return null;
  for (const message of [name, `${name}${DUMPED}`]) {
    if (stderr === message) return message;
    if (stderr.endsWith(`\n${message}`)) return `\n${message}`;
  }
  return null;
}
