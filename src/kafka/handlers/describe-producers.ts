import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { checkTopicName } from '../../broker/topics/topic-name.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeProducersRequest, DescribeProducersResponse } from '../messages/describe-producers.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeProducersResponse>
type PartitionResponse = Response['topics'][number]['partitions'][number]

/** DescribeProducers (61, KIP-664): the idempotent producers that partitions remember, with their last sequence and timestamp. */
export const describeProducers: Handler<DescribeProducersRequest, Response> = (request, context) => ({
  topics: request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => describe(name, partitionIndex, context)),
  })),
})

function describe(name: string, partitionIndex: number, { broker, connection }: RequestContext): PartitionResponse {
  if (!broker.security.authorize(connection.principal, 'read', 'topic', name)) return failed(partitionIndex, ERRORS.topicAuthorizationFailed)
  if (checkTopicName(name) !== null) return failed(partitionIndex, ERRORS.invalidTopic)
  const partition = broker.topics.get(name)?.partitions[partitionIndex]
  if (partition === undefined) return failed(partitionIndex, ERRORS.unknownTopicOrPartition)
  const activeProducers = [...partition.log.producers.active()].map(({ producerId, producerEpoch, lastSequence, lastTimestampMs, isMarked }) => ({
    producerId,
    producerEpoch,
    lastSequence,
    lastTimestamp: lastTimestampMs,
    // That of the last marker. The coordinator is this broker, and has been from the start.
    coordinatorEpoch: isMarked ? 0 : -1,
    currentTxnStartOffset: partition.log.transactionStart(producerId) ?? -1,
  }))
  return { partitionIndex, errorCode: 0, errorMessage: null, activeProducers }
}

function failed(partitionIndex: number, error: ErrorRow): PartitionResponse {
  return { partitionIndex, errorCode: error.kafka, errorMessage: error.message, activeProducers: [] }
}
