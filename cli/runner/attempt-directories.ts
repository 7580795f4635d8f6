/** The directories of one attempt: a leaf of its own below `base`, with the command's working and temporary directory in it. */
export interface Workspace {
  readonly base: string;
  readonly parent: string;
  readonly leaf: string;
  readonly cwd: string;
  readonly tmp: string;
  readonly dev: number;
  readonly ino: number;
}
