import type { Clock } from '../../../runtime/clock.ts'
import { Deadline } from '../deadline.ts'

/** How long the members of a generation have to ask for their assignment, and who has not yet. */
export class SyncWindow {
  readonly #deadline: Deadline
  readonly #pending = new Set<string>()

  /** `onClosed` is called with those who never asked, where there are any. */
  constructor(clock: Clock, onClosed: (memberIds: readonly string[]) => void) {
    this.#deadline = new Deadline(clock, () => {
      if (this.#pending.size > 0) onClosed([...this.#pending])
    })
  }

  open(memberIds: Iterable<string>, timeoutMs: number): void {
    this.#pending.clear()
    for (const memberId of memberIds) this.#pending.add(memberId)
    this.#deadline.in(timeoutMs)
  }

  /** The member asked, or is no member any more. */
  settle(memberId: string): void {
    this.#pending.delete(memberId)
  }

  close(): void {
    this.#pending.clear()
    this.#deadline.cancel()
  }
}
