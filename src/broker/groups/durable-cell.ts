/**
 * A value on its way to the disk: what is durable, which is all that clients are told, and what was appended last, which is
 * what a snapshot holds. They differ while an append waits for its commit, and come together again whatever becomes of it.
 */
export class DurableCell<T> {
  #durable: T | null
  #latest: T | null
  #waiting = 0

  /** `value` is durable already: it was replayed. */
  constructor(value: T | null = null) {
    this.#durable = value
    this.#latest = value
  }

  /** Null where nothing durable is there. */
  get durable(): T | null {
    return this.#durable
  }

  /** As appended last; null where it was deleted or never was. */
  get latest(): T | null {
    return this.#latest
  }

  /** Nothing is there and nothing is on its way: its owner may forget it. */
  get isVoid(): boolean {
    return this.#waiting === 0 && this.#durable === null && this.#latest === null
  }

  /** `value` (null: its deletion) was appended. The caller says later whether it became durable. */
  stage(value: T | null): (ok: boolean) => void {
    this.#latest = value
    this.#waiting++
    return (ok) => {
      this.#waiting--
      if (ok) this.#durable = value
      else if (this.#latest === value) this.#latest = this.#durable
    }
  }

  /** Replay. */
  replay(value: T | null): void {
    this.#durable = value
    this.#latest = value
  }
}
