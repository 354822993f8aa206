import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { markerTypeOf } from '../../../src/log/marker.ts'
import {
  batchBaseOffset,
  batchIsControl,
  batchIsTransactional,
  batchOffsetCount,
  batchProducerId,
  batchSizeBytes,
  checkBatch,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import type { TransactionModel } from '../transaction-model.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'
import { EXCUSED } from './kafka-readers.ts'
import type { PartitionName } from './transactional-requests.ts'

const HEADER_BYTES = 61
const CORRUPT_MESSAGE = 2
const VERSIONS = [4, 5, 7, 11, 12]
const MAX_BYTES = 1_000_000

export type Isolation = 'read_uncommitted' | 'read_committed'

interface Shown {
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** What the application gets. */
  readonly records: readonly { readonly offset: number; readonly value: string }[]
  /** Behind the last batch, control batches too. */
  readonly nextOffset: number
  /** What stands at the offset was damaged, and is not served; nothing else is told. */
  readonly isDamaged: boolean
}

/** One Fetch, filtered as Java's consumer does; rejects with Disconnected. Checks what any reader may check. */
export async function fetchFiltered(
  world: World,
  client: KafkaClient,
  { topic, index }: PartitionName,
  offset: number,
  isolation: Isolation,
  { maxWaitMs, maxBytes }: { readonly maxWaitMs: number; readonly maxBytes: number },
): Promise<Shown> {
  const answer = await client.request(FetchRequest, FetchResponse, world.random.pick(VERSIONS), {
    maxWaitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    topics: [{ topic, topicId: ZERO_UUID, partitions: [{ partition: index, fetchOffset: offset, partitionMaxBytes: maxBytes }] }],
    forgottenTopicsData: [],
  })
  const part = answer.responses[0]?.partitions[0]
  if (part === undefined || part.errorCode !== 0) {
    const errorCode = part?.errorCode ?? (answer.errorCode || -1)
    const nothing = { highWatermark: -1, lastStableOffset: -1, records: [] }
    const isDamaged = errorCode === CORRUPT_MESSAGE && world.damage.has(topic, index, offset)
    if (isDamaged) world.count('damaged records passed over')
    return isDamaged ? { ...nothing, errorCode: 0, nextOffset: offset + 1, isDamaged } : { ...nothing, errorCode, nextOffset: offset, isDamaged }
  }
  const where = `${topic}-${index}`
  const { highWatermark, lastStableOffset } = part
  if (lastStableOffset > highWatermark) world.violate(`${where}: the last stable offset ${lastStableOffset} lies above the high watermark ${highWatermark}`)
  const aborted = [...(part.abortedTransactions ?? [])]
  if (aborted.some(({ firstOffset }, i) => firstOffset < (aborted[i - 1]?.firstOffset ?? -1)))
    world.violate(`${where}: aborted transactions are not sorted: ${JSON.stringify(aborted)}`)
  const end = isolation === 'read_committed' ? lastStableOffset : highWatermark
  const records: { offset: number; value: string }[] = []
  const abortedNow = new Set<number>()
  let next = -1
  for (const batch of batchesOf(Buffer.concat(part.records ?? []))) {
    const base = batchBaseOffset(batch)
    if (checkBatch(batch) !== null || (next >= 0 && base !== next)) world.violate(`${where}: the batch at ${base} does not follow ${next}, or is not whole`)
    next = base + batchOffsetCount(batch)
    if (next > end) world.violate(`${where}: a batch up to ${next} was shown to ${isolation}, which ends at ${end}`)
    while (aborted[0] !== undefined && aborted[0].firstOffset < next) abortedNow.add(aborted.shift()?.producerId as number)
    if (batchIsControl(batch)) {
      if (markerTypeOf(batch) === 'abort') abortedNow.delete(batchProducerId(batch))
      continue
    }
    if (isolation === 'read_committed' && batchIsTransactional(batch) && abortedNow.has(batchProducerId(batch))) continue
    const read = readRecords(batch)
    if (!Array.isArray(read)) world.violate(`${where}: records at ${base} are malformed`)
    else for (const record of read) if (record.offset >= offset) records.push({ offset: record.offset, value: identityOf(record.value) })
  }
  return { errorCode: 0, highWatermark, lastStableOffset, records, nextOffset: Math.max(next, offset), isDamaged: false }
}

function* batchesOf(bytes: Buffer): Iterable<Uint8Array> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const size = batchSizeBytes(bytes, at)
    if (at + size > bytes.length) return
    yield bytes.subarray(at, at + size)
    at += size
  }
}

/** Follows one partition; now and then begins again somewhere before. */
export class TransactionReader {
  readonly #world: World
  readonly #model: TransactionModel
  readonly #partition: PartitionName
  readonly #isolation: Isolation
  #offset = 0
  #boot = 0
  #lastStableOffset = 0
  done = false

  constructor(world: World, model: TransactionModel, partition: PartitionName, isolation: Isolation) {
    this.#world = world
    this.#model = model
    this.#partition = partition
    this.#isolation = isolation
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 100, (client) => this.#once(client))
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    const { topic, index } = this.#partition
    const where = `${topic}-${index}`
    const boot = world.boots
    const limits = { maxWaitMs: random.below(800), maxBytes: random.pick([1, 2_000, 20_000, MAX_BYTES]) }
    const got = await fetchFiltered(world, client, this.#partition, this.#offset, this.#isolation, limits)
    if (got.errorCode !== 0) {
      world.count(`fetch error ${got.errorCode}`)
      if (!EXCUSED.has(got.errorCode)) world.violate(`Fetch of ${where} at ${this.#offset} (${this.#isolation}) answered ${got.errorCode}`)
      await world.sleep(200)
      return
    }
    if (got.isDamaged) {
      this.#offset = got.nextOffset
      return
    }
    if (boot === this.#boot && got.lastStableOffset < this.#lastStableOffset)
      world.violate(`${where}: the last stable offset went back from ${this.#lastStableOffset} to ${got.lastStableOffset}`)
    this.#boot = boot
    this.#lastStableOffset = got.lastStableOffset
    for (const { offset, value } of got.records) {
      world.count(`records ${this.#isolation}`)
      if (this.#isolation === 'read_committed') this.#model.committed(where, offset, value)
      else this.#model.stands(where, offset, value)
    }
    this.#offset = got.nextOffset
    if (random.chance(0.03)) this.#offset = random.below(this.#offset + 1)
    if (random.chance(0.2)) await world.sleep(random.below(300))
  }
}

/** What read_committed gets from the start to the high watermark, which the last stable offset reaches within `patienceMs`; null where it does not. */
export async function readAllCommitted(world: World, partition: PartitionName, patienceMs: number): Promise<string[] | null> {
  const { topic, index } = partition
  const untilMs = world.time.nowMs + patienceMs
  const values: string[] = []
  let offset = 0
  for (;;) {
    const client = await KafkaClient.open(world)
    try {
      for (;;) {
        const got = await fetchFiltered(world, client, partition, offset, 'read_committed', { maxWaitMs: 0, maxBytes: MAX_BYTES })
        if (got.errorCode !== 0) {
          world.violate(`at the end, Fetch of ${topic}-${index} at ${offset} answered ${got.errorCode}`)
          return null
        }
        for (const { value } of got.records) values.push(value)
        offset = got.nextOffset
        if (got.isDamaged) continue
        if (offset >= got.highWatermark) return values
        if (got.lastStableOffset > offset) continue
        if (world.time.nowMs > untilMs) {
          world.violate(`at the end, the last stable offset of ${topic}-${index} is ${got.lastStableOffset}, the high watermark ${got.highWatermark}`)
          return null
        }
        await world.sleep(500)
      }
    } catch {
      await world.sleep(100)
    } finally {
      client.close()
    }
  }
}
