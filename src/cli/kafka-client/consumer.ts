import {
  batchBaseOffset,
  batchCompression,
  batchIsControl,
  batchOffsetCount,
  batchRecordsSection,
  batchSizeBytes,
  readRecords,
} from '../../log/record-batch.ts'
import { decompress } from '../../util/compression.ts'
import { CommandError } from '../command.ts'
import type { ShownRecord } from '../record-format.ts'
import type { FetchedPartition, FetchPosition, KafkaClient } from './client.ts'

const MAX_FETCH_BYTES = 4 * 1024 * 1024
/** What the records of one compressed batch may become. */
const MAX_BATCH_BYTES = 256 * 1024 * 1024

/** Positions in partitions, and the records from there on. */
export class Consumer {
  readonly #client: KafkaClient
  readonly #onOvertaken: (partition: FetchedPartition) => void
  readonly #positions = new Map<string, FetchPosition>()

  /** `onOvertaken` hears of positions that retention overtook: reading goes on at the start of the log. */
  constructor(client: KafkaClient, onOvertaken: (partition: FetchedPartition) => void) {
    this.#client = client
    this.#onOvertaken = onOvertaken
  }

  get positions(): readonly FetchPosition[] {
    return [...this.#positions.values()]
  }

  /** Gives up all partitions and takes these. */
  assign(positions: readonly FetchPosition[]): void {
    this.#positions.clear()
    for (const position of positions) this.seek(position)
  }

  /** Goes on at another place of a partition. */
  seek(position: FetchPosition): void {
    this.#positions.set(keyOf(position), position)
  }

  /** The next records of all partitions, in order within each; none after `maxWaitMs` without. */
  async poll(maxWaitMs: number): Promise<ShownRecord[]> {
    const records: ShownRecord[] = []
    for (const fetched of await this.#client.fetch(this.positions, { maxWaitMs, maxBytes: MAX_FETCH_BYTES })) {
      const position = this.#positions.get(keyOf(fetched))
      if (position === undefined) continue
      if (fetched.outOfRange) await this.#rescue(fetched, position)
      else for (const slice of fetched.slices) await this.#read(slice, fetched, records)
    }
    return records
  }

  async #read(slice: Uint8Array, { topic, partition }: FetchedPartition, records: ShownRecord[]): Promise<void> {
    for (let at = 0; at + 12 <= slice.length; ) {
      const size = batchSizeBytes(slice, at)
      if (at + size > slice.length) return
      const batch = slice.subarray(at, at + size)
      at += size
      const from = this.#positions.get(keyOf({ topic, partition }))?.offset ?? 0
      if (!batchIsControl(batch)) {
        for (const record of await recordsOf(batch, topic)) if (record.offset >= from) records.push({ topic, partition, ...record })
      }
      this.seek({ topic, partition, offset: batchBaseOffset(batch) + batchOffsetCount(batch) })
    }
  }

  async #rescue(fetched: FetchedPartition, { topic, partition, offset }: FetchPosition): Promise<void> {
    this.#onOvertaken(fetched)
    const starts = await this.#client.offsets(topic, [partition], -2)
    this.seek({ topic, partition, offset: starts.get(partition) ?? offset })
  }
}

async function recordsOf(batch: Uint8Array, topic: string) {
  const section = await decompress(batchCompression(batch), batchRecordsSection(batch), MAX_BATCH_BYTES)
  const records = readRecords(batch, section)
  if (!Array.isArray(records)) throw new CommandError(`a batch of topic "${topic}" cannot be read: ${records.message}`)
  return records
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`
}
