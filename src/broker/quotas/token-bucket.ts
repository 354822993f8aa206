/** What may be saved up: the tokens of so many seconds (`quota.window.num`). */
const BURST_S = 11

/** A rate that may be used in bursts (KIP-599): whoever takes more than there is waits until the bucket is not overdrawn any more. */
export class TokenBucket {
  #tokens = Number.POSITIVE_INFINITY
  #filledAtMs = 0

  /** How long until the bucket is not overdrawn any more; 0: it is not. `nowMs` never goes back. */
  waitMs(perSecond: number, nowMs: number): number {
    const saved = this.#tokens + ((nowMs - this.#filledAtMs) / 1_000) * perSecond
    this.#tokens = Math.min(saved, perSecond * BURST_S)
    this.#filledAtMs = nowMs
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / perSecond) * 1_000)
  }

  /** Takes tokens, and says how long to wait for that. */
  take(count: number, perSecond: number, nowMs: number): number {
    this.waitMs(perSecond, nowMs)
    this.#tokens -= count
    return this.waitMs(perSecond, nowMs)
  }
}
