/** Work that takes turns, since it shares threads with what must not wait for it; so much may wait, and no more. */
export class OneAtATime {
  readonly #maxWaiting: number
  #waiting = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting
  }

  /** Whether a further one is refused: look before `run`. */
  get isFull(): boolean {
    return this.#waiting >= this.#maxWaiting
  }

  /** Runs it when all before it are done, whatever became of them. */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const mine = this.#turn.then(work).finally(() => {
      this.#waiting--
    })
    this.#turn = mine.catch(() => {})
    return mine
  }
}
