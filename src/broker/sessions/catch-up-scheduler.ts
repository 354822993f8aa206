import type { Clock } from '../../runtime/clock.ts'
import type { Outgoing } from './outgoing.ts'

/** Lets sessions that are behind go on, a bounded number of records per turn of the event loop, one after the other. */
export class CatchUpScheduler {
  readonly #clock: Clock
  readonly #recordsPerTurn: number
  readonly #queue: Outgoing[] = []
  #armed = false

  constructor(clock: Clock, recordsPerTurn: number) {
    this.#clock = clock
    this.#recordsPerTurn = recordsPerTurn
  }

  add(outgoing: Outgoing): void {
    if (outgoing.scheduled) return
    outgoing.scheduled = true
    this.#queue.push(outgoing)
    this.#arm()
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    this.#clock.endOfTurn(() => this.#run())
  }

  #run(): void {
    this.#armed = false
    let budget = this.#recordsPerTurn
    // What asks again during the run has its next turn in the next run.
    for (let left = this.#queue.length; left > 0 && budget > 0; left--) {
      const outgoing = this.#queue.shift() as Outgoing
      outgoing.scheduled = false
      budget -= outgoing.run(Math.max(1, budget >> 1))
    }
    if (this.#queue.length > 0) this.#arm()
  }
}
