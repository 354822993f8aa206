import { ERRORS } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../messages/describe-log-dirs.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeLogDirsResponse>
type TopicResponse = Response['results'][number]['topics'][number]

/** The disk's size, where nobody knows it. */
const UNKNOWN_BYTES = -1

/**
 * DescribeLogDirs (35): the one place where partitions rest, and their sizes. Null topics mean all; what does not exist is left out.
 *
 * v3: who may not ask gets 31, before an empty answer. v4: the size of the disk, and what is left of it. v5: cordoned; never.
 */
export const describeLogDirs: Handler<DescribeLogDirsRequest, Response> = async (request, context) => {
  const { security, log } = context.broker
  if (!security.authorize(context.connection.principal, 'describe', 'cluster', CLUSTER_RESOURCE)) {
    return { errorCode: ERRORS.clusterAuthorizationFailed.kafka, results: [] }
  }
  const topics = request.topics === null ? allTopics(context) : askedTopics(request.topics, context)
  const space = await log.space()
  const { totalBytes, usableBytes } = space ?? { totalBytes: UNKNOWN_BYTES, usableBytes: UNKNOWN_BYTES }
  const result = { errorCode: 0, logDir: log.description, topics, totalBytes, usableBytes, isCordoned: false }
  return { errorCode: 0, results: [result] }
}

function allTopics(context: RequestContext): TopicResponse[] {
  return [...context.broker.topics.all()].map((topic) => describe(topic, () => true))
}

function askedTopics(asked: NonNullable<DescribeLogDirsRequest['topics']>, context: RequestContext): TopicResponse[] {
  return asked.flatMap(({ topic: name, partitions }) => {
    const topic = context.broker.topics.get(name)
    const wanted = new Set(partitions)
    const found = topic === undefined ? [] : [describe(topic, (index) => wanted.has(index))]
    return found.filter((one) => one.partitions.length > 0)
  })
}

function describe(topic: Topic, wants: (index: number) => boolean): TopicResponse {
  const partitions = topic.partitions.filter(({ index }) => wants(index))
  return {
    name: topic.name,
    partitions: partitions.map(({ index, log }) => ({ partitionIndex: index, partitionSize: log.sizeBytes, offsetLag: 0, isFutureKey: false })),
  }
}
