import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ElectLeadersRequest, ElectLeadersResponse } from '../messages/elect-leaders.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ElectLeadersResponse>

const PREFERRED = 0
const UNCLEAN = 1

/**
 * ElectLeaders (43): every partition is led by the one broker there is, and always will be: 84, or 3 for what does not exist.
 *
 * v1: the kind of election. Null partitions mean all that need one: none.
 */
export const electLeaders: Handler<ElectLeadersRequest, Response> = (request, context) => {
  const refusal = refuse(request, context)
  const asked = request.topicPartitions ?? []
  return {
    errorCode: refusal?.kafka ?? 0,
    replicaElectionResults: asked.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => {
        const known = context.broker.topics.get(topic)?.partitions[partitionId] !== undefined
        const error = refusal ?? (known ? ERRORS.electionNotNeeded : ERRORS.unknownTopicOrPartition)
        return { partitionId, errorCode: error.kafka, errorMessage: error.message }
      }),
    })),
  }
}

function refuse({ electionType, topicPartitions }: ElectLeadersRequest, { broker, connection }: RequestContext): ErrorRow | null {
  if (!broker.security.authorize(connection.principal, 'alter', 'cluster', CLUSTER_RESOURCE)) return ERRORS.clusterAuthorizationFailed
  const isKnown = electionType === PREFERRED || electionType === UNCLEAN
  return isKnown || topicPartitions?.length === 0 ? null : ERRORS.invalidRequest
}
