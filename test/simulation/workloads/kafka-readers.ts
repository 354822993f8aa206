import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { DAMAGED } from '../damage.ts'
import { DiskWatch } from '../disk-watch.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import type { World } from '../world.ts'
import { type FetchedRecord, fetchedRecords } from './fetched-records.ts'
import { NO_VALUE } from './kafka-producers.ts'

const OFFSET_OUT_OF_RANGE = 1
const CORRUPT_MESSAGE = 2
const TOPIC_ALREADY_EXISTS = 36
/** The disk's failures, and those of a broker that is starting. */
export const EXCUSED = new Set([56, 5, 6, 14, 15, 16])
const FETCH_VERSIONS = [4, 7, 11, 12]

export interface Fetched {
  readonly errorCode: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly records: readonly FetchedRecord[]
  /** Where to go on: behind the records, or behind one whose bytes are damaged. */
  readonly nextOffset: number
  /** What stands at the offset was damaged, and is not served; the watermarks are not told then. */
  readonly isDamaged: boolean
}

/** One Fetch of one partition; rejects with Disconnected. Checks what any reader may check. */
export async function fetchOnce(
  world: World,
  client: KafkaClient,
  at: { readonly topic: string; readonly index: number; readonly offset: number },
  { maxWaitMs, maxBytes }: { readonly maxWaitMs: number; readonly maxBytes: number },
): Promise<Fetched> {
  const version = world.random.pick(FETCH_VERSIONS)
  const answer = await client.request(FetchRequest, FetchResponse, version, {
    maxWaitMs,
    minBytes: 1,
    maxBytes,
    topics: [{ topic: at.topic, topicId: ZERO_UUID, partitions: [{ partition: at.index, fetchOffset: at.offset, partitionMaxBytes: maxBytes }] }],
    forgottenTopicsData: [],
  })
  const part = answer.responses[0]?.partitions[0]
  const nothing = { highWatermark: -1, logStartOffset: -1, records: [] }
  if (part === undefined) return { ...nothing, errorCode: answer.errorCode === 0 ? -1 : answer.errorCode, nextOffset: at.offset, isDamaged: false }
  if (part.errorCode === CORRUPT_MESSAGE && world.damage.has(at.topic, at.index, at.offset)) {
    // As its users do: on to the next.
    world.count('damaged records passed over')
    return { ...nothing, errorCode: 0, nextOffset: at.offset + 1, isDamaged: true }
  }
  const records = fetchedRecords(world, { ...at, highWatermark: part.highWatermark }, part.records ?? [])
  const { errorCode, highWatermark, logStartOffset } = part
  return { errorCode, highWatermark, logStartOffset, records, nextOffset: (records.at(-1)?.offset ?? at.offset - 1) + 1, isDamaged: false }
}

export async function createTopic(world: World, name: string, partitions: number, configs: readonly { name: string; value: string }[] = []): Promise<void> {
  for (;;) {
    const client = await KafkaClient.open(world)
    try {
      const topics = [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }]
      const answer = await client.request(CreateTopicsRequest, CreateTopicsResponse, 5, { topics })
      const code = answer.topics[0]?.errorCode ?? -1
      if (code === 0 || code === TOPIC_ALREADY_EXISTS) return
      if (!EXCUSED.has(code)) world.violate(`CreateTopics of ${name} answered ${code}`)
    } catch {
      // Asked again.
    } finally {
      client.close()
    }
    await world.sleep(200)
  }
}

/** Follows one partition from its start and notes what it is shown. */
export class Reader {
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string
  readonly #index: number
  readonly #alwaysDurable: boolean
  #offset = 0
  /** Highest watermark told by this start of the broker. */
  #highWatermark = 0
  #boot = 0
  #powerFailed = false
  done = false

  /** `alwaysDurable`: whatever is produced there waits for the disk, so that the high watermark is a promise. */
  constructor(world: World, model: LogModel, topic: string, index: number, { alwaysDurable }: { readonly alwaysDurable: boolean }) {
    this.#alwaysDurable = alwaysDurable
    this.#world = world
    this.#model = model
    this.#topic = topic
    this.#index = index
    world.onCrash.push((kind) => {
      if (kind === 'power') this.#powerFailed = true
    })
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 100, (client) => this.#once(client))
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    const boot = world.boots
    const disk = new DiskWatch(world)
    const floor = this.#model.of(this.#topic, this.#index).durableEnd
    const where = { topic: this.#topic, index: this.#index, offset: this.#offset }
    const got = await fetchOnce(world, client, where, { maxWaitMs: random.below(800), maxBytes: random.pick([1, 5_000, 50_000, 1_000_000]) })
    world.count('fetches')
    if (got.errorCode === OFFSET_OUT_OF_RANGE) {
      if (!this.#powerFailed || this.#offset <= floor) {
        world.violate(`${this.#topic}-${this.#index}: offset ${this.#offset} is out of range, ${floor} were durable`)
      }
      this.#offset = floor
      this.#powerFailed = false
      return
    }
    if (got.isDamaged) {
      this.#offset = got.nextOffset
      return
    }
    if (got.errorCode !== 0) {
      world.count(`fetch error ${got.errorCode}`)
      if (!EXCUSED.has(got.errorCode)) world.violate(`Fetch of ${this.#topic}-${this.#index} at ${this.#offset} answered ${got.errorCode}`)
      await world.sleep(200)
      return
    }
    this.#checkWatermark(got.highWatermark, boot, floor, disk)
    for (const { offset, value } of got.records) {
      this.#offset = offset + 1
      world.count('records read')
      if (value === NO_VALUE) continue
      const sent = this.#model.sent.get(value)
      if (sent === undefined) world.violate(`${this.#topic}-${this.#index} offset ${offset} holds ${value}, which nobody sent`)
      this.#model.note(this.#topic, this.#index, offset, value, sent?.durable ?? false)
    }
    if (random.chance(0.02)) this.#offset = random.below(this.#offset + 1)
    if (random.chance(0.2)) await world.sleep(random.below(300))
  }

  #checkWatermark(highWatermark: number, boot: number, floor: number, disk: DiskWatch): void {
    const world = this.#world
    if (boot !== this.#boot) {
      this.#boot = boot
      this.#highWatermark = 0
    }
    if (highWatermark < this.#highWatermark) {
      world.violate(`${this.#topic}-${this.#index}: the high watermark went back from ${this.#highWatermark} to ${highWatermark}`)
    }
    // With a full disk what is in the journal may wait for room before it is shown; the answer may be read when there is room again.
    if (highWatermark < floor && !disk.failed)
      world.violate(`${this.#topic}-${this.#index}: the high watermark is ${highWatermark}, but ${floor} were acknowledged as durable`)
    this.#highWatermark = highWatermark
    const partition = this.#model.of(this.#topic, this.#index)
    if (this.#alwaysDurable) partition.durableEnd = Math.max(partition.durableEnd, highWatermark)
  }
}

type WholeRecord = Pick<FetchedRecord, 'value' | 'key' | 'headers'>

/** Reads a partition from its start to the high watermark; null where the broker cannot say (it is gone for the moment). */
export async function readWhole(world: World, topic: string, index: number): Promise<WholeRecord[] | null> {
  const client = await KafkaClient.open(world)
  try {
    const values: WholeRecord[] = []
    for (;;) {
      const got = await fetchOnce(world, client, { topic, index, offset: values.length }, { maxWaitMs: 0, maxBytes: 1_000_000 })
      if (got.isDamaged) {
        values.push({ value: DAMAGED, key: null, headers: [] })
        continue
      }
      if (got.errorCode !== 0) {
        world.violate(`at the end, Fetch of ${topic}-${index} at ${values.length} answered ${got.errorCode}`)
        return null
      }
      values.push(...got.records)
      if (values.length >= got.highWatermark) return values
      if (got.records.length === 0) {
        world.violate(`at the end, ${topic}-${index} gives nothing at ${values.length}, the high watermark is ${got.highWatermark}`)
        return null
      }
    }
  } catch {
    return null
  } finally {
    client.close()
  }
}
