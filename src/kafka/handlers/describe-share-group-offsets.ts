import { ERRORS } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from '../messages/describe-share-group-offsets.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeShareGroupOffsetsResponse>
type Group = Response['groups'][number]
type TopicOffsets = Group['topics'][number]
type AskedTopic = NonNullable<DescribeShareGroupOffsetsRequest['groups'][number]['topics']>[number]

const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * DescribeShareGroupOffsets (90, KIP-932): from where on share groups have work left. What is not there has no error but
 * offset -1, as with OffsetFetch. v1: how many records are left (KIP-1226).
 */
export const describeShareGroupOffsets: Handler<DescribeShareGroupOffsetsRequest, Response> = (request, context) => ({
  groups: request.groups.map(({ groupId, topics }): Group => {
    if (!context.broker.security.authorize(context.connection.principal, 'describe', 'group', groupId)) {
      return { groupId, topics: [], errorCode: ERRORS.groupAuthorizationFailed.kafka }
    }
    return { groupId, topics: topics === null ? allTopics(groupId, context) : topics.map((asked) => oneTopic(groupId, asked, context)), errorCode: 0 }
  }),
})

/** Topics that may not be described are not mentioned. */
function allTopics(groupId: string, context: RequestContext): TopicOffsets[] {
  const { groups, topics } = context.broker
  return [...groups.share.partitionsOf(groupId)].flatMap(([topicId, partitions]) => {
    const topic = topics.getById(topicId)
    if (topic === undefined || !mayDescribe(topic.name, context)) return []
    return [{ topicName: topic.name, topicId, partitions: partitions.map((partition) => partitionOffset(groupId, topic, partition, context)) }]
  })
}

function oneTopic(groupId: string, { topicName, partitions }: AskedTopic, context: RequestContext): TopicOffsets {
  const error = ERRORS.topicAuthorizationFailed
  const topic = mayDescribe(topicName, context) ? context.broker.topics.get(topicName) : null
  if (topic === null) {
    const refused = { ...NOTHING, errorCode: error.kafka, errorMessage: error.message }
    return { topicName, topicId: NO_TOPIC_ID, partitions: partitions.map((partitionIndex) => ({ ...refused, partitionIndex })) }
  }
  if (topic === undefined) return { topicName, topicId: NO_TOPIC_ID, partitions: partitions.map((partitionIndex) => ({ ...NOTHING, partitionIndex })) }
  return { topicName, topicId: topic.id, partitions: partitions.map((partition) => partitionOffset(groupId, topic, partition, context)) }
}

function partitionOffset(groupId: string, topic: Topic, partitionIndex: number, context: RequestContext): TopicOffsets['partitions'][number] {
  const summary = context.broker.groups.share.summary(groupId, topic.id, partitionIndex)
  return summary === null ? { ...NOTHING, partitionIndex } : { ...summary, partitionIndex, errorCode: 0 }
}

const NOTHING = { startOffset: -1, leaderEpoch: 0, lag: -1, errorCode: 0 } as const

function mayDescribe(topicName: string, { broker, connection }: RequestContext): boolean {
  return broker.security.authorize(connection.principal, 'describe', 'topic', topicName)
}
