import { array, bool, int8, int16, int32, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeCluster (key 60): the brokers and the cluster's id (KIP-700). 1 asks for brokers or controllers (KIP-919), 2 for fenced
 * brokers too (KIP-1073).
 */

export const DescribeClusterRequest = message(
  { key: 60, name: 'DescribeClusterRequest', versions: [0, 2], flexible: 0 },
  {
    includeClusterAuthorizedOperations: bool,
    endpointType: since(1, int8, 1),
    includeFencedBrokers: since(2, bool),
  },
)
export type DescribeClusterRequest = Infer<typeof DescribeClusterRequest>

export const DescribeClusterResponse = message(
  { key: 60, name: 'DescribeClusterResponse', versions: [0, 2], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    endpointType: since(1, int8, 1),
    clusterId: string,
    controllerId: withDefault(int32, -1),
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: withDefault(nullable(string), null),
      isFenced: since(2, bool),
    }),
    clusterAuthorizedOperations: withDefault(int32, -2_147_483_648),
  },
)
export type DescribeClusterResponse = Infer<typeof DescribeClusterResponse>
