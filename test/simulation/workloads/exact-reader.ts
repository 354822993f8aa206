import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { type ExactPartition, Rising } from '../exact-log.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { earliestOffset } from './exact-asker.ts'
import { FetchSession } from './fetch-session.ts'
import { fetchedRecords } from './fetched-records.ts'
import { EXCUSED } from './kafka-readers.ts'

const OFFSET_OUT_OF_RANGE = 1
const FETCH_VERSIONS = [5, 7, 11, 12]
const FIRST_WITH_EPOCHS = 12
const FIRST_WITH_SESSIONS = 7
/** Timers of the client and of the broker do not begin at the same moment. */
const TOLERANCE_MS = 2

interface Position {
  readonly partition: ExactPartition
  readonly highWatermark: Rising
  readonly lastStableOffset: Rising
  offset: number
}

/** Reads several partitions in one Fetch and waits for more bytes or less; goes back now and then, and to the log start where its place is gone. */
export class ExactReader {
  done = false
  readonly #world: World
  readonly #positions: Position[] = []
  /** Decides who uses a session; what others draw stays as it is. */
  readonly #sessionRandom: SeededRandom
  #session: FetchSession | null = null
  #client: KafkaClient | null = null

  constructor(world: World, partitions: readonly ExactPartition[]) {
    this.#world = world
    this.#sessionRandom = world.random.named('fetch sessions')
    for (const partition of partitions) this.add(partition)
  }

  add(partition: ExactPartition): void {
    const highWatermark = new Rising(this.#world, `${partition.name}: the high watermark`)
    const lastStableOffset = new Rising(this.#world, `${partition.name}: the last stable offset`)
    this.#positions.push({ partition, highWatermark, lastStableOffset, offset: 0 })
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 100, (client) => this.#once(client))
    this.done = true
  }

  /** At the end: everything from the log starts on is there. Rejects with Disconnected. */
  async readAll(client: KafkaClient): Promise<void> {
    const world = this.#world
    for (const position of this.#positions) {
      const { partition } = position
      position.offset = partition.logStart
      for (let before = -1; position.offset < partition.durableEnd; ) {
        before = position.offset
        await this.#fetch(client, [position], { session: null, maxWaitMs: 0, minBytes: 1, partitionMaxBytes: 200_000 })
        if (position.offset > before || world.violations.length > 0) continue
        world.violate(`at the end, ${partition.name} gives nothing at ${position.offset}, ${partition.durableEnd} were told to be durable`)
        return
      }
    }
  }

  async #once(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    const asked = this.#positions.filter(() => random.chance(0.8))
    if (asked.length > 0) {
      const maxWaitMs = random.chance(0.3) ? 0 : random.below(1_000)
      await this.#fetch(client, asked, {
        session: this.#sessionOf(client),
        maxWaitMs,
        minBytes: random.pick([1, 1, 1_000, 30_000]),
        partitionMaxBytes: random.pick([1, 3_000, 100_000]),
      })
    }
    for (const position of this.#positions) if (random.chance(0.01)) position.offset = random.below(position.offset + 1)
    if (random.chance(0.4)) await this.#world.sleep(random.below(400))
  }

  /** Half of the connections use a session. */
  #sessionOf(client: KafkaClient): FetchSession | null {
    if (client !== this.#client) {
      this.#client = client
      this.#session = this.#sessionRandom.chance(0.5) ? new FetchSession(this.#world) : null
    }
    return this.#session
  }

  async #fetch(
    client: KafkaClient,
    asked: readonly Position[],
    limits: { readonly session: FetchSession | null; readonly maxWaitMs: number; readonly minBytes: number; readonly partitionMaxBytes: number },
  ): Promise<void> {
    const world = this.#world
    const { random, time } = world
    const { session, maxWaitMs, minBytes, partitionMaxBytes } = limits
    const drawn = random.pick(FETCH_VERSIONS)
    const version = session === null ? drawn : Math.max(drawn, FIRST_WITH_SESSIONS)
    const atMs = time.nowMs
    const boot = world.boots
    const before = asked.map(({ partition, offset }) => ({ end: partition.durableEnd, start: partition.logStart, offset }))
    const topics = [...new Set(asked.map(({ partition }) => partition.topic))].map((topic) => ({
      topic,
      topicId: ZERO_UUID,
      partitions: asked
        .filter(({ partition }) => partition.topic === topic)
        .map(({ partition, offset }) => ({
          partition: partition.index,
          fetchOffset: offset,
          partitionMaxBytes,
          // What was read is durable, so that it diverges from nothing (KIP-320).
          lastFetchedEpoch: version >= FIRST_WITH_EPOCHS && random.chance(0.5) ? (partition.epochAt(offset - 1) ?? -1) : -1,
        })),
    }))
    const isolationLevel = random.below(2)
    const inSession = session?.request(asked.map(({ partition: { topic, index }, offset }) => ({ topic, index, offset })))
    const answer = await client.request(FetchRequest, FetchResponse, version, {
      maxWaitMs,
      minBytes,
      isolationLevel,
      sessionId: inSession?.sessionId ?? 0,
      sessionEpoch: inSession?.sessionEpoch ?? -1,
      topics: topics.flatMap(({ topic, topicId, partitions }) => {
        const changed = partitions.filter(({ partition: index, fetchOffset: offset }) => inSession?.changed({ topic, index, offset }) ?? true)
        return changed.length === 0 ? [] : [{ topic, topicId, partitions: changed }]
      }),
      forgottenTopicsData: (inSession?.forgotten ?? []).map(({ topic, index }) => ({ topic, topicId: ZERO_UUID, partitions: [index] })),
    })
    world.count('exact fetches')
    session?.answered(answer.errorCode, answer.sessionId)
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) world.violate(`Fetch answered ${answer.errorCode}`)
      return
    }
    let bytes = 0
    let mayBeEarly = false
    for (const { topic, partitions } of answer.responses) {
      for (const part of partitions) {
        const slot = asked.findIndex(({ partition }) => partition.topic === topic && partition.index === part.partitionIndex)
        const position = asked[slot]
        const known = before[slot]
        if (position === undefined || known === undefined) {
          world.violate(`Fetch answered for ${topic}-${part.partitionIndex}, which was not asked for`)
          return
        }
        for (const slice of part.records ?? []) bytes += slice.length
        if (part.errorCode !== 0) mayBeEarly = true
        await this.#take(client, position, part, { ...known, boot })
      }
    }
    if (bytes < minBytes && !mayBeEarly && time.nowMs - atMs < maxWaitMs - TOLERANCE_MS)
      world.violate(`Fetch came back after ${(time.nowMs - atMs).toFixed(1)} ms of ${maxWaitMs} with ${bytes} bytes of ${minBytes}`)
  }

  async #take(
    client: KafkaClient,
    position: Position,
    part: {
      readonly errorCode: number
      readonly highWatermark: number
      readonly lastStableOffset: number
      readonly logStartOffset: number
      readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number }
      readonly records: readonly Uint8Array[] | null
    },
    known: { readonly end: number; readonly start: number; readonly offset: number; readonly boot: number },
  ): Promise<void> {
    const world = this.#world
    const { partition } = position
    if (part.errorCode === OFFSET_OUT_OF_RANGE) {
      world.count('offsets out of range')
      const start = await earliestOffset(world, client, partition)
      if (start === null) return
      // What was read is durable: its end is never out of range, only its beginning may be gone.
      if (known.offset >= start)
        world.violate(`${partition.name}: offset ${known.offset} is out of range; the log starts at ${start}, ${known.end} were durable`)
      position.offset = start
      return
    }
    if (part.errorCode !== 0) {
      world.count(`exact fetch error ${part.errorCode}`)
      if (!EXCUSED.has(part.errorCode)) world.violate(`Fetch of ${partition.name} at ${known.offset} answered ${part.errorCode}`)
      return
    }
    if (part.divergingEpoch.epoch >= 0) {
      world.violate(`${partition.name}: offset ${known.offset} is said to diverge: ${JSON.stringify(part.divergingEpoch)}`)
      return
    }
    if (known.offset < known.start) world.violate(`${partition.name}: offset ${known.offset} is read, the log starts at ${known.start}`)
    partition.toldStart(part.logStartOffset, known.start)
    partition.toldEnd(part.highWatermark, known.end)
    position.highWatermark.told(part.highWatermark, known.boot)
    position.lastStableOffset.told(part.lastStableOffset, known.boot)
    if (part.lastStableOffset !== part.highWatermark)
      world.violate(
        `${partition.name}: the last stable offset is ${part.lastStableOffset}, the high watermark ${part.highWatermark}; nobody began a transaction`,
      )
    const { highWatermark } = part
    const records = fetchedRecords(world, { topic: partition.topic, index: partition.index, offset: known.offset, highWatermark }, part.records ?? [])
    world.count('exact records read', records.length)
    partition.shown(records)
    position.offset = (records.at(-1)?.offset ?? known.offset - 1) + 1
  }
}
