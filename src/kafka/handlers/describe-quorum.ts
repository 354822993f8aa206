import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeQuorumRequest, DescribeQuorumResponse } from '../messages/describe-quorum.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeQuorumResponse>
type TopicResponse = Response['topics'][number]

/** The only partition that has a quorum. */
const METADATA_TOPIC = '__cluster_metadata'
const METADATA_PARTITION = 0
const FIRST_EPOCH = 1

/**
 * DescribeQuorum (55): one broker is its own controller, the only voter of a quorum that nobody follows. Its log of metadata is the state log.
 *
 * v1: when replicas were heard of. v2: the address of the controller: that of this listener.
 */
export const describeQuorum: Handler<DescribeQuorumRequest, Response> = (request, context) => {
  const { security } = context.broker
  if (!security.authorize(context.connection.principal, 'describe', 'cluster', CLUSTER_RESOURCE)) return refused(ERRORS.clusterAuthorizationFailed)
  const { nodeId } = context.broker.identity
  const { host, port } = context.connection.advertised
  const topics = request.topics.map((topic) => describe(topic, context))
  const isKnown = topics.some(({ partitions }) => partitions.some(({ errorCode }) => errorCode === 0))
  return {
    errorCode: 0,
    errorMessage: null,
    topics,
    nodes: isKnown ? [{ nodeId, listeners: [{ name: 'CONTROLLER', host, port }] }] : [],
  }
}

function describe({ topicName, partitions }: DescribeQuorumRequest['topics'][number], context: RequestContext): TopicResponse {
  return {
    topicName,
    partitions: partitions.map(({ partitionIndex }) => {
      const known = topicName === METADATA_TOPIC && partitionIndex === METADATA_PARTITION
      return known ? quorum(context) : unknown(partitionIndex)
    }),
  }
}

function quorum({ broker }: RequestContext): TopicResponse['partitions'][number] {
  const { nodeId } = broker.identity
  const nowMs = broker.clock.now()
  const logEndOffset = broker.log.stateEndOffset
  const directoryId = Buffer.from(broker.identity.clusterId.padEnd(22, 'A'), 'base64url').subarray(0, 16).toString('base64url')
  return {
    partitionIndex: METADATA_PARTITION,
    errorCode: 0,
    errorMessage: null,
    leaderId: nodeId,
    leaderEpoch: FIRST_EPOCH,
    highWatermark: logEndOffset,
    currentVoters: [{ replicaId: nodeId, replicaDirectoryId: directoryId, logEndOffset, lastFetchTimestamp: nowMs, lastCaughtUpTimestamp: nowMs }],
    observers: [],
  }
}

function unknown(partitionIndex: number): TopicResponse['partitions'][number] {
  const { kafka: errorCode, message: errorMessage } = ERRORS.unknownTopicOrPartition
  return { partitionIndex, errorCode, errorMessage, leaderId: 0, leaderEpoch: 0, highWatermark: 0, currentVoters: [], observers: [] }
}

function refused({ kafka, message }: ErrorRow): Response {
  return { errorCode: kafka, errorMessage: message, topics: [], nodes: [] }
}
