/**
 * MQTT messages of one turn of the event loop become one record batch per partition: one CRC, one write. What is added is
 * appended when all sockets readable in this turn were read.
 */
import type { BatchAppend, LogFailure, LogStore, StateRecord } from '../../log/ports.ts'
import { BATCH_HEADER_BYTES, buildBatch, LOG_APPEND_TIME_BIT, type RecordHeader } from '../../log/record-batch.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import type { Message } from '../sessions/ports.ts'
import { recordHeadersOf, recordValueOf } from './mapping/message-to-record.ts'
import type { StoredMessage } from './mapping/record-to-message.ts'
import type { LogRoute } from './mapping/topic-mapping.ts'
import type { Partition } from './partition.ts'

/** What `VisibleBatch.attachment` is for batches made here: a message per offset, in order, so that delivery decodes nothing. */
export class TurnAttachment {
  readonly messages: readonly StoredMessage[]

  constructor(messages: readonly StoredMessage[]) {
    this.messages = messages
  }
}

/** Null, or why the promise was not kept; then the record's offset, or -1 where there is none. */
export type TurnDone = (failure: Failure | null, offset: number) => void

export interface TurnOptions {
  /** The client id to keep in the record for No Local, or null. */
  readonly publisher: string | null
  /** Whether `onDone` waits for the commit (QoS 1 and 2). */
  readonly durable: boolean
  /** State that becomes durable together with the record; `durable` must be true. */
  readonly state?: readonly StateRecord[]
  /** One more batch, of another partition, that becomes durable together with the record. */
  readonly alongside?: Alongside
}

export interface Alongside {
  readonly append: BatchAppend
  onAssigned(baseOffset: number): void
}

/** A record's frame of lengths and deltas never takes more than this beside key, value and headers. */
const RECORD_OVERHEAD_BYTES = 32
/** A header's two lengths. */
const HEADER_OVERHEAD_BYTES = 8

/** A message on its way into the log: the record to encode and the message to deliver at once. */
class TurnEntry implements StoredMessage {
  readonly message: Message
  readonly publisher: string | null
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  readonly onDone: TurnDone | null

  constructor(message: Message, publisher: string | null, timestampMs: number, route: LogRoute, onDone: TurnDone | null) {
    this.message = message
    this.publisher = publisher
    this.timestampMs = timestampMs
    this.key = route.key
    this.value = recordValueOf(message)
    this.headers = recordHeadersOf(message, route.topicHeader, publisher)
    this.onDone = onDone
  }
}

/** One partition's batch of this turn. */
interface Pending {
  readonly partition: Partition
  readonly entries: TurnEntry[]
  sizeBytes: number
  durable: boolean
  state: StateRecord[] | null
  alongside: Alongside[] | null
}

export class TurnBatch {
  readonly #log: LogStore
  readonly #clock: Clock
  /** The batch of each partition that is still open in this turn. */
  readonly #open = new Map<Partition, Pending>()
  /** All batches of this turn, in the order they were begun. */
  #queue: Pending[] = []
  #refused: (() => void)[] = []
  #scheduled = false
  #turnMs = 0

  constructor(log: LogStore, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /**
   * Adds a message; its views must stay valid until it is delivered. `onDone` is called once, never within the call, for
   * the messages of one partition in order. A message larger than its topic allows is refused with MESSAGE_TOO_LARGE, one
   * without a key on a compacted topic with INVALID_RECORD.
   */
  add(route: LogRoute, message: Message, options: TurnOptions, onDone: TurnDone | null): void {
    if (!this.#scheduled) this.#schedule()
    const { topic, partition } = route
    const entry = new TurnEntry(message, options.publisher, this.#turnMs, route, onDone)
    const sizeBytes = entrySize(entry)
    if (BATCH_HEADER_BYTES + sizeBytes > topic.settings.maxMessageBytes) {
      const limit = topic.settings.maxMessageBytes
      const refused = failure(ERRORS.messageTooLarge, `the message takes ${sizeBytes} bytes as a record; topic "${topic.name}" allows batches of ${limit}`)
      if (onDone !== null) this.#refused.push(() => onDone(refused, -1))
      return
    }
    if (topic.settings.isCompacted && entry.key === null) {
      const refused = failure(ERRORS.invalidRecord, `topic "${topic.name}" is compacted and takes no message without a key`)
      if (onDone !== null) this.#refused.push(() => onDone(refused, -1))
      return
    }
    let pending = this.#open.get(partition)
    if (pending === undefined || pending.sizeBytes + sizeBytes > topic.settings.maxMessageBytes) pending = this.#begin(partition)
    pending.entries.push(entry)
    pending.sizeBytes += sizeBytes
    if (options.durable) pending.durable = true
    if (options.state !== undefined) {
      pending.state ??= []
      pending.state.push(...options.state)
    }
    if (options.alongside !== undefined) {
      pending.alongside ??= []
      pending.alongside.push(options.alongside)
    }
  }

  #schedule(): void {
    this.#scheduled = true
    this.#turnMs = this.#clock.now()
    this.#clock.endOfTurn(() => this.flush())
  }

  #begin(partition: Partition): Pending {
    const pending: Pending = { partition, entries: [], sizeBytes: BATCH_HEADER_BYTES, durable: false, state: null, alongside: null }
    this.#open.set(partition, pending)
    this.#queue.push(pending)
    return pending
  }

  /** Appends what was added; called by itself at the end of the turn, and before a clean close. */
  flush(): void {
    const queue = this.#queue
    const refused = this.#refused
    this.#queue = []
    this.#refused = []
    this.#open.clear()
    this.#scheduled = false
    // One group per partition: a partition that takes nothing any more must not fail the others. The journal commits them together anyway.
    for (const pending of queue) this.#append(pending)
    for (const run of refused) run()
  }

  #append(pending: Pending): void {
    const { entries, partition, alongside } = pending
    const attributes = partition.topic.settings.logAppendTime ? LOG_APPEND_TIME_BIT : 0
    const own: BatchAppend = { partition: partition.log, bytes: buildBatch(entries, { attributes }), attachment: new TurnAttachment(entries) }
    let baseOffset = -1
    this.#log.append({
      batches: alongside === null ? [own] : [own, ...alongside.map((other) => other.append)],
      state: pending.state ?? [],
      durability: pending.durable ? 'durable' : 'written',
      onAssigned: (baseOffsets) => {
        baseOffset = baseOffsets[0] as number
        if (alongside !== null) for (const [index, other] of alongside.entries()) other.onAssigned(baseOffsets[index + 1] as number)
      },
      onDone: (failed) => {
        const result = failed === null ? null : failureOf(failed)
        for (let index = 0; index < entries.length; index++) {
          const entry = entries[index] as TurnEntry
          if (entry.onDone !== null) entry.onDone(result, result === null ? baseOffset + index : -1)
        }
      },
    })
  }
}

function entrySize(entry: TurnEntry): number {
  let size = RECORD_OVERHEAD_BYTES + (entry.key?.length ?? 0) + (entry.value?.length ?? 0)
  // A character is at most three bytes of UTF-8.
  for (const header of entry.headers) size += HEADER_OVERHEAD_BYTES + header.key.length * 3 + (header.value?.length ?? 0)
  return size
}

function failureOf(failed: LogFailure): Failure {
  if (failed.code === 'gone') return failure(ERRORS.unknownTopicOrPartition, failed.message)
  return failure(ERRORS.kafkaStorageError, failed.message)
}
