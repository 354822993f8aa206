import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../messages/offset-for-leader-epoch.ts'
import type { Input } from '../wire/message.ts'
import { leaderEpochFault } from './leader-epoch.ts'

type Response = Input<typeof OffsetForLeaderEpochResponse>
type PartitionResponse = Response['topics'][number]['partitions'][number]

/**
 * OffsetForLeaderEpoch (23): where an epoch ended, by which a client finds out that what it read was cut off (KIP-320).
 *
 * An epoch older or newer than all known gets epoch -1 and offset -1 without an error. v2 is what librdkafka asks for.
 */
export const offsetForLeaderEpoch: Handler<OffsetForLeaderEpochRequest, Response> = (request, context) => {
  const { topics, security } = context.broker
  const { principal } = context.connection
  // Who acts as a broker may ask about every topic.
  const actsAsBroker = security.authorize(principal, 'cluster-action', 'cluster', CLUSTER_RESOURCE)
  return {
    topics: request.topics.map(({ topic, partitions }) => {
      const allowed = actsAsBroker || security.authorize(principal, 'describe', 'topic', topic)
      return {
        topic,
        partitions: partitions.map((asked): PartitionResponse => {
          const fail = (error: ErrorRow) => ({ partition: asked.partition, errorCode: error.kafka })
          if (!allowed) return fail(ERRORS.topicAuthorizationFailed)
          const log = topics.get(topic)?.partitions[asked.partition]?.log
          if (log === undefined) return fail(ERRORS.unknownTopicOrPartition)
          const fault = leaderEpochFault(asked.currentLeaderEpoch, log.leaderEpoch)
          if (fault !== null) return fail(fault)
          const end = asked.leaderEpoch < 0 ? null : log.endOfEpoch(asked.leaderEpoch)
          return { partition: asked.partition, errorCode: 0, leaderEpoch: end?.leaderEpoch ?? -1, endOffset: end?.endOffset ?? -1 }
        }),
      }
    }),
  }
}
