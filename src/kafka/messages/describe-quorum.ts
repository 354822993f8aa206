import { array, int16, int32, int64, nullable, since, string, uint16, uuid } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeQuorum (key 55): the quorum of controllers. 1 tells when replicas were heard of (KIP-836); 2 names nodes and directories (KIP-853).
 */

export const DescribeQuorumRequest = message(
  { key: 55, name: 'DescribeQuorumRequest', versions: [0, 2], flexible: 0 },
  {
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
      }),
    }),
  },
)
export type DescribeQuorumRequest = Infer<typeof DescribeQuorumRequest>

export const DescribeQuorumResponse = message(
  { key: 55, name: 'DescribeQuorumResponse', versions: [0, 2], flexible: 0 },
  {
    errorCode: int16,
    errorMessage: since(2, nullable(string)),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: since(2, nullable(string)),
        leaderId: int32,
        leaderEpoch: int32,
        highWatermark: int64,
        currentVoters: array({
          replicaId: int32,
          replicaDirectoryId: since(2, uuid),
          logEndOffset: int64,
          lastFetchTimestamp: since(1, int64, -1),
          lastCaughtUpTimestamp: since(1, int64, -1),
        }),
        observers: array({
          replicaId: int32,
          replicaDirectoryId: since(2, uuid),
          logEndOffset: int64,
          lastFetchTimestamp: since(1, int64, -1),
          lastCaughtUpTimestamp: since(1, int64, -1),
        }),
      }),
    }),
    nodes: since(
      2,
      array({
        nodeId: since(2, int32),
        listeners: since(
          2,
          array({
            name: since(2, string),
            host: since(2, string),
            port: since(2, uint16),
          }),
        ),
      }),
    ),
  },
)
export type DescribeQuorumResponse = Infer<typeof DescribeQuorumResponse>
