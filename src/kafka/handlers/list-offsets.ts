import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Partition } from '../../broker/topics/partition.ts'
import { rowOfLogFailure } from '../../broker/topics/produce.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ListOffsetsRequest, ListOffsetsResponse } from '../messages/list-offsets.ts'
import type { Input } from '../wire/message.ts'
import { leaderEpochFault } from './leader-epoch.ts'

type Response = Input<typeof ListOffsetsResponse>
type PartitionResponse = Response['topics'][number]['partitions'][number]
type AskedPartition = ListOffsetsRequest['topics'][number]['partitions'][number]

const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1
const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6

/** The first request version that knows each special timestamp. */
const FIRST_VERSION: ReadonlyMap<number, number> = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])

/**
 * ListOffsets (2): the offset of a time, or of a special place (rule 14).
 *
 * v2: read_committed: the latest is the last stable offset, and no time is found beyond it. v4: leader epochs.
 * v7, v8, v9, v11: more special timestamps; one that the version does not know gets 35. There is no tiered storage: its two
 * get offset -1. v10: `timeoutMs`, which nothing here takes.
 */
export const listOffsets: Handler<ListOffsetsRequest, Response> = (request, context) => {
  if (request.isolationLevel !== READ_UNCOMMITTED && request.isolationLevel !== READ_COMMITTED) {
    // As Kafka answers: it meets an exception.
    const fail = (asked: AskedPartition) => errorAnswer(asked, ERRORS.unknownServerError)
    return { topics: request.topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(fail) })) }
  }
  const repeated = repeatedPartitions(request)
  const named = request.topics.filter(({ partitions }) => partitions.length > 0)
  const answers = named.map((topic) => {
    const name = topic.name
    const allowed = context.broker.security.authorize(context.connection.principal, 'describe', 'topic', name)
    const partitions = withoutRepeats(topic.partitions).map((asked) => {
      if (!allowed) return errorAnswer(asked, ERRORS.topicAuthorizationFailed)
      if (repeated.has(`${name}/${asked.partitionIndex}`)) return errorAnswer(asked, ERRORS.invalidRequest)
      const partition = context.broker.topics.get(name)?.partitions[asked.partitionIndex]
      return partition === undefined ? errorAnswer(asked, ERRORS.unknownTopicOrPartition) : find(asked, partition, request.isolationLevel, context)
    })
    return { name, partitions }
  })
  const complete = answers.every(({ partitions }) => partitions.every((answer) => !(answer instanceof Promise)))
  if (complete) return { topics: answers as Response['topics'] }
  return Promise.all(answers.map(async ({ name, partitions }) => ({ name, partitions: await Promise.all(partitions) }))).then((topics) => ({ topics }))
}

/** A partition that is named twice is answered once. */
function withoutRepeats(partitions: readonly AskedPartition[]): readonly AskedPartition[] {
  return [...new Map(partitions.map((asked) => [asked.partitionIndex, asked])).values()]
}

function repeatedPartitions(request: ListOffsetsRequest): ReadonlySet<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const id = `${name}/${partitionIndex}`
      if (seen.has(id)) repeated.add(id)
      seen.add(id)
    }
  }
  return repeated
}

function find(asked: AskedPartition, { log }: Partition, isolationLevel: number, context: RequestContext): PartitionResponse | Promise<PartitionResponse> {
  const epochFault = leaderEpochFault(asked.currentLeaderEpoch, log.leaderEpoch)
  if (epochFault !== null) return errorAnswer(asked, epochFault)
  const { timestamp } = asked
  if (timestamp < 0 && context.version < (FIRST_VERSION.get(timestamp) ?? Infinity)) return errorAnswer(asked, ERRORS.unsupportedVersion)
  const endOffset = () => (isolationLevel === READ_COMMITTED ? log.lastStableOffset : log.highWatermark)
  switch (timestamp) {
    case LATEST:
      return place(asked, endOffset(), -1, log.leaderEpoch)
    case EARLIEST:
    case EARLIEST_LOCAL:
      return place(asked, log.logStartOffset, -1, log.logStartOffset < log.logEndOffset ? log.epochOf(log.logStartOffset) : log.leaderEpoch)
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return place(asked, -1, -1, -1)
    default:
      return findTime(asked, log, endOffset)
  }
}

/** `endOffset` is asked behind the search: what became visible meanwhile may have been found. */
async function findTime(asked: AskedPartition, log: Partition['log'], endOffset: () => number): Promise<PartitionResponse> {
  const found = await (asked.timestamp === MAX_TIMESTAMP ? log.offsetOfMaxTimestamp() : log.offsetForTime(asked.timestamp))
  if (found === null) return place(asked, -1, -1, -1)
  if ('code' in found) return errorAnswer(asked, rowOfLogFailure(found))
  return found.offset < endOffset() ? place(asked, found.offset, found.timestampMs, found.leaderEpoch) : place(asked, -1, -1, -1)
}

function place({ partitionIndex }: AskedPartition, offset: number, timestamp: number, leaderEpoch: number): PartitionResponse {
  return { partitionIndex, errorCode: 0, offset, timestamp, leaderEpoch }
}

function errorAnswer({ partitionIndex }: AskedPartition, error: ErrorRow): PartitionResponse {
  return { partitionIndex, errorCode: error.kafka }
}
