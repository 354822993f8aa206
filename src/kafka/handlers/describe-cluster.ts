import { ERRORS } from '../../broker/errors.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import { CLUSTER_RESOURCE, OPERATIONS_NOT_ASKED } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { DescribeClusterRequest, DescribeClusterResponse } from '../messages/describe-cluster.ts'
import type { Input } from '../wire/message.ts'

const BROKERS = 1
const CONTROLLERS = 2

/**
 * DescribeCluster (60): the cluster's id and its one broker.
 *
 * v1: which kind of endpoint the client believes to talk to (KIP-919): controllers get 114, anything else 115 (rule 9).
 * v2: fenced brokers; there are none.
 */
export const describeCluster: Handler<DescribeClusterRequest, Input<typeof DescribeClusterResponse>> = (request, context) => {
  const { identity } = context.broker
  if (request.endpointType !== BROKERS) {
    const error = request.endpointType === CONTROLLERS ? ERRORS.mismatchedEndpointType : ERRORS.unsupportedEndpointType
    return { errorCode: error.kafka, errorMessage: error.message, clusterId: '', brokers: [] }
  }
  const { host, port } = context.connection.advertised
  return {
    errorCode: 0,
    clusterId: identity.clusterId,
    controllerId: identity.nodeId,
    brokers: [{ brokerId: identity.nodeId, host, port, isFenced: false }],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? authorizedOperations(context, 'cluster', CLUSTER_RESOURCE) : OPERATIONS_NOT_ASKED,
  }
}
