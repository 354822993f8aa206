import type { LogStore, StateMachine } from '../../log/ports.ts'
import { readInt64, writeInt64 } from '../../util/big-endian.ts'
import { ERRORS, type ErrorRow } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'

export interface ProducerIdSettings {
  /** Ids that are reserved by one durable write; what is left of a block at a crash is lost. */
  readonly blockSize: number
  /** Producers that may wait for a block at once; beyond, they are told to try again (COORDINATOR_NOT_AVAILABLE). */
  readonly maxWaiting: number
}

export const DEFAULT_PRODUCER_ID_SETTINGS: ProducerIdSettings = { blockSize: 1_000, maxWaiting: 10_000 }

/** A producer id that nobody else ever gets, or why there is none now. */
export type ProducerIdResult = { readonly producerId: number } | { readonly error: ErrorRow }

const KEY = 'reserved'

/**
 * Hands out producer ids (KIP-98): from blocks whose end is durable before their first id is given away, so that none comes
 * twice, whatever crashes. The state record `reserved` holds the first id that is not reserved, as an int64.
 */
export class ProducerIds implements StateMachine {
  readonly kind = STATE_KINDS.producerIds
  readonly #log: LogStore
  readonly #settings: ProducerIdSettings
  readonly #waiting: ((result: ProducerIdResult) => void)[] = []
  /** The next id to give away, and the first one that may not be given away yet. */
  #next = 0
  #end = 0
  /** The end that was appended last; never goes back, so that a block whose write failed is not reserved twice. */
  #reserved = 0
  #reserving = false

  constructor(log: LogStore, settings: ProducerIdSettings) {
    this.#log = log
    this.#settings = settings
    log.register(this)
  }

  /** Gives a new producer id: within the call from a reserved block, else when the next block is durable. */
  allocate(respond: (result: ProducerIdResult) => void): void {
    if (this.#next < this.#end) {
      respond({ producerId: this.#next++ })
    } else if (this.#waiting.length >= this.#settings.maxWaiting) {
      respond({ error: ERRORS.coordinatorNotAvailable })
    } else {
      this.#waiting.push(respond)
      this.#reserve()
    }
  }

  apply(key: string, value: Uint8Array | null): void {
    if (key !== KEY || value === null) return
    this.#reserved = readInt64(value, 0)
    this.#next = this.#reserved
    this.#end = this.#reserved
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    if (this.#reserved > 0) yield [KEY, encode(this.#reserved)]
  }

  #reserve(): void {
    if (this.#reserving) return
    this.#reserving = true
    const first = this.#reserved
    const end = first + this.#settings.blockSize
    this.#reserved = end
    this.#log.append({
      batches: [],
      state: [{ kind: this.kind, key: KEY, value: encode(end) }],
      durability: 'durable',
      onDone: (failure) => {
        this.#reserving = false
        if (failure === null) this.#open(first, end)
        else for (const respond of this.#waiting.splice(0)) respond({ error: ERRORS.kafkaStorageError })
      },
    })
  }

  #open(first: number, end: number): void {
    this.#next = first
    this.#end = end
    while (this.#next < this.#end) {
      const respond = this.#waiting.shift()
      if (respond === undefined) return
      respond({ producerId: this.#next++ })
    }
    if (this.#waiting.length > 0) this.#reserve()
  }
}

function encode(reserved: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeInt64(bytes, 0, reserved)
  return bytes
}
