import type { StateRecord } from '../../log/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { SessionJournal } from './session-journal.ts'

/** Milliseconds until what the disk refused is tried again. */
const RETRY_MS = 1000

interface Save {
  /** Asked for again with each attempt: what is to be kept may have moved on. */
  readonly record: () => StateRecord
  readonly onDurable: () => void
  saved: boolean
}

/**
 * Records of one session that something waits for, such as a packet id before its PUBLISH. What waits goes on in the order
 * it was asked for [MQTT-4.6.0-6], also where the disk refused the first and took the second; the refused is tried again.
 */
export class OrderedSaves {
  readonly #journal: SessionJournal
  readonly #clock: Clock
  readonly #queue: Save[] = []
  #closed = false

  constructor(journal: SessionJournal, clock: Clock) {
    this.#journal = journal
    this.#clock = clock
  }

  /** `onDurable` is called once, never within the call, and not after `close`. At most a window of them waits. */
  add(record: () => StateRecord, onDurable: () => void): void {
    const save = { record, onDurable, saved: false }
    this.#queue.push(save)
    this.#try(save)
  }

  close(): void {
    this.#closed = true
    this.#queue.length = 0
  }

  #try(save: Save): void {
    if (this.#closed) return
    this.#journal.save([save.record()], (failed) => {
      if (failed === null) {
        save.saved = true
        this.#goOn()
      } else this.#clock.after(RETRY_MS, () => this.#try(save))
    })
  }

  #goOn(): void {
    while (this.#queue[0]?.saved === true) this.#queue.shift()?.onDurable()
  }
}
