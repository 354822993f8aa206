import type { Clock } from '../../../runtime/clock.ts'
import { Deadline } from '../deadline.ts'

/**
 * How long a rebalance waits for members to join. That of an empty group waits for others although all it knows of have
 * joined, and a little longer whenever one more came, within the rebalance timeout (KIP-134).
 */
export class JoinWindow {
  readonly #deadline: Deadline
  readonly #onClosed: () => void
  /** What is left of the time for more members; null where the window closes as soon as all have joined. */
  #extensionLeftMs: number | null = null
  #delayMs = 0
  #memberCame = false

  constructor(clock: Clock, onClosed: () => void) {
    this.#onClosed = onClosed
    this.#deadline = new Deadline(clock, () => this.#ended())
  }

  /** Whether members that are not known yet are waited for. */
  get awaitsStrangers(): boolean {
    return this.#extensionLeftMs !== null
  }

  open(timeoutMs: number): void {
    this.#extensionLeftMs = null
    this.#deadline.in(timeoutMs)
  }

  /** For an empty group: `delayMs`, and as much again for each member that comes meanwhile, up to `timeoutMs`. */
  openForStrangers({ delayMs, timeoutMs }: { readonly delayMs: number; readonly timeoutMs: number }): void {
    this.#delayMs = delayMs
    this.#extensionLeftMs = Math.max(timeoutMs - delayMs, 0)
    this.#memberCame = false
    this.#deadline.in(delayMs)
  }

  memberCame(): void {
    this.#memberCame = true
  }

  close(): void {
    this.#extensionLeftMs = null
    this.#deadline.cancel()
  }

  #ended(): void {
    const leftMs = this.#extensionLeftMs ?? 0
    if (leftMs === 0 || !this.#memberCame) {
      this.#onClosed()
      return
    }
    this.#memberCame = false
    this.#extensionLeftMs = Math.max(leftMs - this.#delayMs, 0)
    this.#deadline.in(Math.min(this.#delayMs, leftMs))
  }
}
