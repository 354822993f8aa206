import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { checkTopicName, isInternalTopic } from '../../broker/topics/topic-name.ts'
import { ZERO_UUID } from '../../util/uuid.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../messages/describe-topic-partitions.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeTopicPartitionsResponse>
type TopicResponse = Response['topics'][number]
type Cursor = NonNullable<DescribeTopicPartitionsRequest['cursor']>

/** `max.request.partition.size.limit`: partitions of one answer, whatever the client asks. */
const MAX_PARTITIONS = 2_000

/**
 * DescribeTopicPartitions (75, KIP-966): topics in the order of their names, as many partitions as were asked for at most; the
 * cursor says where the next answer begins. No names: all topics the client may describe.
 */
export const describeTopicPartitions: Handler<DescribeTopicPartitionsRequest, Response> = (request, context) => {
  const { cursor } = request
  const all = request.topics.length === 0
  if (cursor !== null && (cursor.partitionIndex < 0 || !(all || request.topics.some(({ name }) => name === cursor.topicName)))) {
    return { topics: request.topics.map(({ name }) => missing(name, ERRORS.invalidRequest)), nextCursor: null }
  }
  // As Kafka answers: it meets an exception.
  if (request.topics.some(({ name }) => name === '' && (cursor === null || name >= cursor.topicName))) {
    return { topics: request.topics.map(({ name }) => missing(name, ERRORS.unknownServerError)), nextCursor: null }
  }
  const names = all ? [...context.broker.topics.all()].map(({ name }) => name) : [...new Set(request.topics.map(({ name }) => name))]
  const due = names.filter((name) => cursor === null || name >= cursor.topicName).sort()
  const mayDescribe = (name: string) => context.broker.security.authorize(context.connection.principal, 'describe', 'topic', name)
  const page = new Page(Math.max(1, Math.min(request.responsePartitionLimit, MAX_PARTITIONS)), cursor, context)
  for (const name of due) if (mayDescribe(name) && !page.add(name)) break
  const refused = all ? [] : due.filter((name) => !mayDescribe(name)).map((name) => missing(name, ERRORS.topicAuthorizationFailed))
  return { topics: [...refused, ...page.topics], nextCursor: page.nextCursor }
}

/** One answer: full at a number of partitions. */
class Page {
  readonly topics: TopicResponse[] = []
  nextCursor: Cursor | null = null
  readonly #context: RequestContext
  readonly #cursor: Cursor | null
  #left: number

  constructor(limit: number, cursor: Cursor | null, context: RequestContext) {
    this.#left = limit
    this.#cursor = cursor
    this.#context = context
  }

  /** False where the page is full: the cursor then says what did not fit. */
  add(name: string): boolean {
    const first = name === this.#cursor?.topicName ? this.#cursor.partitionIndex : 0
    if (this.#left === 0) {
      this.nextCursor = { topicName: name, partitionIndex: first }
      return false
    }
    const topic = this.#context.broker.topics.get(name)
    if (topic === undefined) {
      const topicAuthorizedOperations = authorizedOperations(this.#context, 'topic', name)
      this.topics.push({ ...missing(name, checkTopicName(name) === null ? ERRORS.unknownTopicOrPartition : ERRORS.invalidTopic), topicAuthorizedOperations })
      return true
    }
    const end = Math.min(first + this.#left, topic.partitions.length)
    this.topics.push(describe(topic, first, end, this.#context))
    this.#left -= Math.max(0, end - first)
    if (end >= topic.partitions.length) return true
    this.nextCursor = { topicName: name, partitionIndex: end }
    return false
  }
}

function describe(topic: Topic, first: number, end: number, context: RequestContext): TopicResponse {
  const { nodeId } = context.broker.identity
  const nodes = [nodeId]
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.slice(first, end).map(({ index, log }) => ({
      errorCode: 0,
      partitionIndex: index,
      leaderId: nodeId,
      leaderEpoch: log.leaderEpoch,
      replicaNodes: nodes,
      isrNodes: nodes,
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    })),
    topicAuthorizedOperations: authorizedOperations(context, 'topic', topic.name),
  }
}

function missing(name: string, error: ErrorRow): TopicResponse {
  return { errorCode: error.kafka, name, topicId: ZERO_UUID, partitions: [] }
}
