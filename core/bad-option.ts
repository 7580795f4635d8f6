/** The errors of options that say something else than they may: the same on the command line, in files and over REST. */
import { WrError } from './errors.ts';

/**
 * An option whose value has the wrong form.
 * @param name - as the user said it: a flag with its dashes, or the name of a JSON member
 * @param why - what it must be
 */
export function badOption(name: string, value: string, why: string): WrError {
  return new WrError('BAD_OPTION', `${name} value (${value}) was not specified correctly: ${why}`);
}

/** An out-of-range number: its text is the same on the command line, in files and over REST. */
export function outOfRange(name: string, value: number, min: number, max: number): WrError {
  return new WrError('BAD_OPTION', `${name} value (${value}) is not in the range ${min}..${max}`);
}
