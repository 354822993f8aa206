/**
 * Retained messages: payloads in a log of their own, places in memory. A retained publish appends a copy to that log in
 * the same atomic group as its record, so the last one wins also after a crash; a start reads the log once. When most of
 * it is overwritten, what still counts is appended again and the log's start raised.
 */
import type { LogFailure, LogStore, PartitionSettings, StateRecord } from '../../log/ports.ts'
import { type BatchRecord, batchBaseOffset, batchOffsetCount, buildBatch, readRecords } from '../../log/record-batch.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { recordHeadersOf } from '../topics/mapping/message-to-record.ts'
import type { RecordReader, StoredMessage } from '../topics/mapping/record-to-message.ts'
import { Partition } from '../topics/partition.ts'
import { Topic } from '../topics/topic.ts'
import type { Alongside } from '../topics/turn-batch.ts'
import { PartitionTail } from './partition-tail.ts'
import type { Message } from './ports.ts'
import { RetainedDelivery } from './retained-delivery.ts'
import { RetainedTree } from './retained-tree.ts'
import type { Target } from './route-table.ts'
import type { SessionSettings } from './session-settings.ts'

/** The log's topic id: fixed, since no topic of the registry stands for it. */
const RETAINED_TOPIC_ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const RETAINED_TOPIC = '__retained'

const LOG_SETTINGS: PartitionSettings = {
  segmentBytes: 67_108_864,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 4096,
  retentionMs: -1,
  retentionBytes: -1,
  deleteOld: false,
}

/** The log is rewritten when it holds more than so many times what counts, and `retainedGarbageRecords` beside. */
const RECORDS_PER_RETAINED = 4
const NOTHING = new Uint8Array(0)
const READ_BYTES = 1_048_576

/** A retained copy on its way. */
export interface PreparedRetained extends Alongside {
  readonly topic: string
  readonly clears: boolean
  offset: number
}

type RetainedSettings = Pick<SessionSettings, 'maxRetainedMessages' | 'retainedGarbageRecords'>

export class RetainedStore {
  readonly #log: LogStore
  readonly #clock: Clock
  readonly #maxRetained: number
  readonly #garbageRecords: number
  readonly #tree = new RetainedTree()
  /** Topics with copies that are appended and not yet visible: how many. */
  readonly #pending = new Map<string, number>()
  /** Base offsets of appended batches that are not visible yet. */
  readonly #own = new Set<number>()
  #tail: PartitionTail | null = null
  #setAt = 0
  #rewriting = false
  #closed = false

  constructor(log: LogStore, clock: Clock, { maxRetainedMessages, retainedGarbageRecords }: RetainedSettings) {
    this.#log = log
    this.#clock = clock
    this.#maxRetained = maxRetainedMessages
    this.#garbageRecords = retainedGarbageRecords
  }

  /** Retained messages now. */
  get count(): number {
    return this.#tree.count
  }

  /** The store's log; after `open`. */
  get tail(): PartitionTail {
    if (this.#tail === null) throw new Error('the retained store is not open')
    return this.#tail
  }

  /** Reads the log once; after `LogStore.open`. */
  async open(): Promise<void> {
    const log = await this.#log.openPartition(RETAINED_TOPIC_ID, RETAINED_TOPIC, 0, LOG_SETTINGS)
    const partition = new Partition(new Topic(RETAINED_TOPIC_ID, RETAINED_TOPIC, new Map()), log)
    const tail = new PartitionTail(partition)
    this.#tail = tail
    partition.addReader({
      onVisible: (_partition, batches) => {
        tail.dispatched = log.highWatermark
        for (const { baseOffset, bytes } of batches) {
          // Committed by a former process, and only now written, since the disk was full.
          if (!this.#own.delete(baseOffset)) this.#replay(Buffer.from(bytes))
        }
      },
      onDeleted: () => {},
    })
    let from = log.logStartOffset
    while (from < log.highWatermark) {
      const read = await log.read(from, { maxBytes: READ_BYTES, atLeastOne: true, endOffset: log.highWatermark })
      if ('code' in read) {
        if (read.code !== 'corrupt') throw new Error(`the retained messages cannot be read: ${read.message}`, { cause: read.cause })
        from++
        continue
      }
      if (read.batches.length === 0) break
      for (const batch of read.batches) {
        this.#replay(batch)
        from = batchBaseOffset(batch) + batchOffsetCount(batch)
      }
    }
  }

  close(): void {
    this.#closed = true
  }

  /** Whether one more topic may hold a retained message; overwriting and clearing always may. */
  hasRoom(message: Message): boolean {
    return this.#tree.count < this.#maxRetained || message.payload.length === 0 || this.#tree.get(message.topic) !== undefined
  }

  /** The copy to append together with the message; `settle` follows. */
  prepare(message: Message, clientId: string): PreparedRetained {
    const clears = message.payload.length === 0
    const headers = recordHeadersOf(message, false, clientId)
    const record = { key: Buffer.from(message.topic), value: clears ? null : message.payload, headers, timestampMs: this.#clock.now() }
    const prepared: PreparedRetained = {
      topic: message.topic,
      clears,
      offset: -1,
      append: { partition: this.tail.partition.log, bytes: buildBatch([record]) },
      onAssigned: (baseOffset) => {
        prepared.offset = baseOffset
        this.#own.add(baseOffset)
      },
    }
    this.#pending.set(message.topic, (this.#pending.get(message.topic) ?? 0) + 1)
    return prepared
  }

  /** The copy is visible, or never will be. */
  settle(prepared: PreparedRetained, done: boolean): void {
    const pending = (this.#pending.get(prepared.topic) ?? 1) - 1
    if (pending === 0) this.#pending.delete(prepared.topic)
    else this.#pending.set(prepared.topic, pending)
    this.#own.delete(prepared.offset)
    if (!done) return
    if (prepared.clears) this.#tree.delete(prepared.topic)
    else this.#tree.set(prepared.topic, prepared.offset, ++this.#setAt)
    this.#rewriteWhereWorth()
  }

  /** Appends a copy alone, for a message that is in no log. */
  append(prepared: PreparedRetained, state: readonly StateRecord[], durable: boolean, onDone: (failed: Failure | null) => void): void {
    this.#log.append({
      batches: [prepared.append],
      state,
      durability: durable ? 'durable' : 'written',
      onAssigned: (offsets) => prepared.onAssigned(offsets[0] as number),
      onDone: (failed) => {
        this.settle(prepared, failed === null)
        onDone(failed === null ? null : failure(ERRORS.kafkaStorageError, failed.message))
      },
    })
  }

  /** Whether a partition is this store's log. */
  owns(tail: PartitionTail): boolean {
    return tail === this.#tail
  }

  /** A retained message: its record's key is the whole MQTT topic. */
  read(reader: RecordReader, record: BatchRecord): StoredMessage {
    const stored = reader.read(RETAINED_TOPIC, { ...record, key: null })
    return { ...stored, message: { ...stored.message, topic: Buffer.from(record.key ?? NOTHING).toString() } }
  }

  /** What is retained now under topics that the target's filter matches. */
  delivery(target: Target): RetainedDelivery {
    return new RetainedDelivery(target, this.tail, this.#tree.match(target.subscription.filter), this.#setAt)
  }

  #replay(batch: Uint8Array): void {
    const records = readRecords(batch)
    if ('fault' in records) return
    for (const record of records) {
      if (record.key === null) continue
      const topic = Buffer.from(record.key).toString()
      if (record.value === null) this.#tree.delete(topic)
      else this.#tree.set(topic, record.offset, ++this.#setAt)
    }
  }

  #rewriteWhereWorth(): void {
    const { log } = this.tail.partition
    if (this.#rewriting || this.#closed) return
    if (log.highWatermark - log.logStartOffset <= this.#garbageRecords + RECORDS_PER_RETAINED * this.#tree.count) return
    this.#rewriting = true
    void this.#rewrite().finally(() => {
      this.#rewriting = false
    })
  }

  /** Moves what counts of the log's first megabyte to its end, then lets go of that megabyte. */
  async #rewrite(): Promise<void> {
    const { log } = this.tail.partition
    const read = await log.read(log.logStartOffset, { maxBytes: READ_BYTES, atLeastOne: true, endOffset: log.highWatermark })
    if ('code' in read || this.#closed) return
    let end = log.logStartOffset
    let moved: LogFailure | null = null
    for (const batch of read.batches) {
      // A newer value may be on its way to the log: the older one must not land behind it.
      const outcome = this.#moveBatch(batch)
      if (outcome === 'wait') break
      moved = (await outcome) ?? moved
      end = batchBaseOffset(batch) + batchOffsetCount(batch)
    }
    if (moved === null && end > log.logStartOffset) await new Promise<void>((resolve) => log.raiseStart(end, () => resolve()))
  }

  #moveBatch(batch: Uint8Array): 'wait' | Promise<LogFailure | null> {
    const records = readRecords(batch)
    if ('fault' in records) return Promise.resolve(null)
    const alive = records.filter((record) => {
      const place = record.key === null ? undefined : this.#tree.get(Buffer.from(record.key).toString())
      return place !== undefined && place.offset === record.offset
    })
    if (alive.some((record) => this.#pending.has(Buffer.from(record.key as Uint8Array).toString()))) return 'wait'
    if (alive.length === 0) return Promise.resolve(null)
    return new Promise((resolve) => {
      let baseOffset = 0
      const places = alive.map((record) => this.#tree.get(Buffer.from(record.key as Uint8Array).toString()))
      this.#log.append({
        batches: [{ partition: this.tail.partition.log, bytes: buildBatch(alive) }],
        state: [],
        durability: 'durable',
        onAssigned: (offsets) => {
          baseOffset = offsets[0] as number
          this.#own.add(baseOffset)
        },
        onDone: (failed) => {
          this.#own.delete(baseOffset)
          for (const [index, place] of places.entries()) {
            if (failed === null && place !== undefined && place.offset === alive[index]?.offset) place.offset = baseOffset + index
          }
          resolve(failed)
        },
      })
    })
  }
}
