/**
 * Requests that change something, by their ids: one that comes again gets the answer that the first got, and is not carried
 * out again. What is remembered where, and how long: docs/decisions/0018-how-long-answers-are-remembered.md.
 */
export class FirstAnswers<Answer> {
  readonly #answersMax: number;
  readonly #answers = new Map<string, Promise<Answer>>();

  /** @param answersMax - beyond these the oldest are forgotten */
  constructor(answersMax: number) {
    this.#answersMax = answersMax;
  }

  /**
   * @param act - carries the request out, unless its id was seen
   * @returns the first answer, which may still be on its way; one that failed is forgotten: the request may be made again
   */
  once(requestId: string, act: () => Promise<Answer>): Promise<Answer> {
    const first = this.#answers.get(requestId);
    if (first !== undefined) return first;
    const answer = act();
    this.#answers.set(requestId, answer);
    answer.catch(() => this.#answers.delete(requestId));
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#answersMax) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }
}
