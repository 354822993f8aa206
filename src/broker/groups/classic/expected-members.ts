import type { Clock } from '../../../runtime/clock.ts'
import { Deadline } from '../deadline.ts'

/** Member ids that were given out and not used yet, each with the time it has left (KIP-394). */
export class ExpectedMembers {
  readonly #clock: Clock
  readonly #onLate: (memberId: string) => void
  readonly #deadlines = new Map<string, Deadline>()

  /** `onLate` is called after an id was forgotten because its time was over. */
  constructor(clock: Clock, onLate: (memberId: string) => void) {
    this.#clock = clock
    this.#onLate = onLate
  }

  get size(): number {
    return this.#deadlines.size
  }

  has(memberId: string): boolean {
    return this.#deadlines.has(memberId)
  }

  expect(memberId: string, timeoutMs: number): void {
    const deadline = new Deadline(this.#clock, () => {
      this.forget(memberId)
      this.#onLate(memberId)
    })
    deadline.in(timeoutMs)
    this.#deadlines.set(memberId, deadline)
  }

  forget(memberId: string): void {
    this.#deadlines.get(memberId)?.cancel()
    this.#deadlines.delete(memberId)
  }

  clear(): void {
    for (const deadline of this.#deadlines.values()) deadline.cancel()
    this.#deadlines.clear()
  }
}
