import type { StateRecord } from '../../log/ports.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { SessionJournal } from './session-journal.ts'

/** Milliseconds until what the disk refused is tried again. */
const RETRY_MS = 1000

interface Save {
  /** Asked for again with each attempt: what is to be kept may have moved on. */
  readonly record: () => StateRecord
  readonly onDurable: () => void
  state: 'on its way' | 'refused' | 'saved'
}

/**
 * Records of one session that something waits for, such as a packet id before its PUBLISH. What waits goes on in the order
 * it was asked for [MQTT-4.6.0-6], also where the disk refused the first and took the second; the refused is tried again.
 */
export class OrderedSaves {
  readonly #journal: SessionJournal
  readonly #clock: Clock
  readonly #queue: Save[] = []
  /** One for all that were refused, however many there are. */
  #retry: Timer | null = null
  #closed = false

  constructor(journal: SessionJournal, clock: Clock) {
    this.#journal = journal
    this.#clock = clock
  }

  /** `onDurable` is called once, never within the call, and not after `close`. At most a window of them waits. */
  add(record: () => StateRecord, onDurable: () => void): void {
    const save: Save = { record, onDurable, state: 'on its way' }
    this.#queue.push(save)
    this.#try(save)
  }

  close(): void {
    this.#closed = true
    this.#queue.length = 0
    this.#retry?.cancel()
    this.#retry = null
  }

  #try(save: Save): void {
    if (this.#closed) return
    save.state = 'on its way'
    this.#journal.save([save.record()], (failed) => {
      if (this.#closed) return
      save.state = failed === null ? 'saved' : 'refused'
      if (failed === null) this.#goOn()
      else this.#retry ??= this.#clock.after(RETRY_MS, () => this.#tryAgain())
    })
  }

  #tryAgain(): void {
    this.#retry = null
    for (const save of this.#queue) if (save.state === 'refused') this.#try(save)
  }

  #goOn(): void {
    while (this.#queue[0]?.state === 'saved') this.#queue.shift()?.onDurable()
  }
}
