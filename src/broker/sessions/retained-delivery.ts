import type { PartitionTail } from './partition-tail.ts'
import type { RetainedPlace } from './retained-tree.ts'
import type { Target } from './route-table.ts'

/** Retained messages on their way to one new subscription: found one by one, as the window allows. */
export class RetainedDelivery {
  readonly target: Target
  /** The retained store's log. */
  readonly tail: PartitionTail
  readonly #places: Iterator<RetainedPlace>
  /** Later ones were delivered as they came. */
  readonly #upTo: number
  #next: RetainedPlace | null | undefined = undefined

  constructor(target: Target, tail: PartitionTail, places: Iterator<RetainedPlace>, upTo: number) {
    this.target = target
    this.tail = tail
    this.#places = places
    this.#upTo = upTo
  }

  /** The next one that is still retained, or null at the end. */
  peek(): RetainedPlace | null {
    while (this.#next === undefined || (this.#next !== null && !this.#isDue(this.#next))) {
      const step = this.#places.next()
      this.#next = step.done === true ? null : step.value
    }
    return this.#next
  }

  advance(): void {
    this.#next = undefined
  }

  #isDue(place: RetainedPlace): boolean {
    return place.offset >= 0 && place.setAt <= this.#upTo
  }
}
