import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/kafka/messages/delete-records.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/kafka/messages/list-offsets.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../../src/kafka/messages/offset-for-leader-epoch.ts'
import type { ExactPartition } from '../exact-log.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'

const LATEST = -1
const EARLIEST = -2
const LARGEST_TIMESTAMP = -3
const FIRST_WITH_LARGEST = 7
const LIST_OFFSETS_VERSIONS = [2, 4, 7, 9]
const OFFSET_OUT_OF_RANGE = 1

interface Found {
  readonly offset: number
  readonly timestamp: number
}

/** ListOffsets of one partition; null where the broker cannot say now. Rejects with Disconnected. */
export async function listOffset(world: World, client: KafkaClient, partition: ExactPartition, timestamp: number): Promise<Found | null> {
  const { topic, index } = partition
  const version = world.random.pick(LIST_OFFSETS_VERSIONS.filter((each) => timestamp !== LARGEST_TIMESTAMP || each >= FIRST_WITH_LARGEST))
  const topics = [{ name: topic, partitions: [{ partitionIndex: index, timestamp }] }]
  const request = { replicaId: -1, isolationLevel: world.random.below(2), topics, timeoutMs: 30_000 }
  const answer = await client.request(ListOffsetsRequest, ListOffsetsResponse, version, request)
  const part = answer.topics[0]?.partitions[0]
  if (part?.errorCode === 0) return part
  if (!EXCUSED.has(part?.errorCode ?? -1)) world.violate(`ListOffsets of ${partition.name} at ${timestamp} answered ${part?.errorCode}`)
  return null
}

/** The log start, as clients that lost their place ask for it; null where the broker cannot say now. */
export async function earliestOffset(world: World, client: KafkaClient, partition: ExactPartition): Promise<number | null> {
  const floor = partition.logStart
  const found = await listOffset(world, client, partition, EARLIEST)
  if (found === null) return null
  partition.toldStart(found.offset, floor)
  return found.offset
}

/** Asks where things are: by time, by epoch, by name; and, where it may, deletes from the head. */
export class ExactAsker {
  done = false
  readonly #world: World
  readonly #partitions: readonly ExactPartition[]
  readonly #deletes: boolean
  readonly #questions: readonly ((client: KafkaClient, partition: ExactPartition) => Promise<unknown>)[] = [
    (client, partition) => earliestOffset(this.#world, client, partition),
    (client, partition) => this.#latest(client, partition),
    (client, partition) => this.#largest(client, partition),
    (client, partition) => this.#byTime(client, partition),
    (client, partition) => this.#epochEnd(client, partition),
  ]

  constructor(world: World, partitions: readonly ExactPartition[], { deletes }: { readonly deletes: boolean }) {
    this.#world = world
    this.#partitions = partitions
    this.#deletes = deletes
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 200, (client) => this.#once(client))
    this.done = true
  }

  /** For the end of a run too. Rejects with Disconnected. */
  async askAll(client: KafkaClient): Promise<void> {
    for (const partition of this.#partitions) {
      for (const ask of this.#questions) await ask(client, partition)
    }
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    const partition = random.pick(this.#partitions)
    world.count('questions')
    if (this.#deletes && random.chance(0.15)) await this.#delete(client, partition)
    else await random.pick(this.#questions)(client, partition)
    await world.sleep(random.below(300))
  }

  async #latest(client: KafkaClient, partition: ExactPartition): Promise<void> {
    const floor = partition.durableEnd
    const found = await listOffset(this.#world, client, partition, LATEST)
    if (found !== null) partition.toldEnd(found.offset, floor)
  }

  async #byTime(client: KafkaClient, partition: ExactPartition): Promise<void> {
    const { random } = this.#world
    const { records, logStart: low, durableEnd: end } = partition
    const near = records.length === 0 ? this.#world.time.wallMs : (records[random.below(records.length)]?.timestampMs ?? 0)
    const asked = random.chance(0.1) ? random.pick([0, this.#world.time.wallMs + 7_200_000]) : near + random.pick([-1, 0, 0, 1, 500])
    const found = await listOffset(this.#world, client, partition, asked)
    if (found === null) return
    const high = await earliestOffset(this.#world, client, partition)
    if (high !== null) partition.foundTime(asked, found, { low, high, end })
  }

  async #largest(client: KafkaClient, partition: ExactPartition): Promise<void> {
    const { logStart: low, durableEnd: end } = partition
    const found = await listOffset(this.#world, client, partition, LARGEST_TIMESTAMP)
    if (found === null) return
    const high = await earliestOffset(this.#world, client, partition)
    if (high !== null) partition.foundLargest(found, { low, high, end })
  }

  async #epochEnd(client: KafkaClient, partition: ExactPartition): Promise<void> {
    const { topic, index, durableEnd } = partition
    const world = this.#world
    const leaderEpoch = world.random.below((partition.epochAt(durableEnd - 1) ?? 0) + 2)
    const topics = [{ topic, partitions: [{ partition: index, leaderEpoch }] }]
    const answer = await client.request(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, world.random.pick([2, 3, 4]), { replicaId: -2, topics })
    const part = answer.topics[0]?.partitions[0]
    const high = part?.errorCode === 0 ? await earliestOffset(world, client, partition) : null
    if (part?.errorCode === 0 && high !== null) partition.foundEpochEnd(leaderEpoch, part, { high, end: durableEnd })
    else if (part?.errorCode !== 0 && !EXCUSED.has(part?.errorCode ?? -1))
      world.violate(`OffsetForLeaderEpoch of ${partition.name} answered ${part?.errorCode}`)
  }

  async #delete(client: KafkaClient, partition: ExactPartition): Promise<void> {
    const world = this.#world
    const { topic, index, logStart, durableEnd } = partition
    const beyond = world.random.chance(0.05)
    const offset = beyond ? partition.records.length + 1_000 : logStart + world.random.below(Math.floor((durableEnd - logStart) / 2) + 1)
    if (!beyond) partition.deletable = Math.max(partition.deletable, offset)
    const topics = [{ name: topic, partitions: [{ partitionIndex: index, offset }] }]
    const answer = await client.request(DeleteRecordsRequest, DeleteRecordsResponse, world.random.below(3), { topics, timeoutMs: 30_000 })
    const part = answer.topics[0]?.partitions[0]
    world.count('records deleted')
    world.trace('delete-records', `${partition.name} ${offset}: ${part?.errorCode} ${part?.lowWatermark}`)
    if (part?.errorCode === 0) {
      if (beyond) world.violate(`${partition.name}: records up to ${offset} were deleted, which do not exist`)
      partition.toldStart(part.lowWatermark, Math.max(logStart, offset))
    } else if (
      !EXCUSED.has(part?.errorCode ?? -1) &&
      !(beyond && part?.errorCode === OFFSET_OUT_OF_RANGE) &&
      !(world.diskFails && part?.errorCode === OFFSET_OUT_OF_RANGE)
    )
      world.violate(`DeleteRecords of ${partition.name} up to ${offset} answered ${part?.errorCode}, ${durableEnd} were durable`)
  }
}
