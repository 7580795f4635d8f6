/** Whether an input is UTF-8 throughout: what is not runs as it stands, but cannot be shown so. */
export class Utf8Check {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #strange = false;

  /** The next bytes of the input. */
  look(bytes: Uint8Array): void {
    if (this.#strange) return;
    try {
      this.#decoder.decode(bytes, { stream: true });
    } catch {
      this.#strange = true;
    }
  }

  get warnings(): readonly string[] {
    return this.#strange
      ? ['the input is not UTF-8 throughout: such bytes are shown as \\xNN here, and run as they stand']
      : [];
  }
}
