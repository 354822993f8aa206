import { array, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ListPartitionReassignments (key 46, KIP-455): partitions that move between brokers.
 */

export const ListPartitionReassignmentsRequest = message(
  { key: 46, name: 'ListPartitionReassignmentsRequest', versions: [0, 0], flexible: 0 },
  {
    timeoutMs: withDefault(int32, 60000),
    topics: withDefault(
      nullable(
        array({
          name: string,
          partitionIndexes: array(int32),
        }),
      ),
      null,
    ),
  },
)
export type ListPartitionReassignmentsRequest = Infer<typeof ListPartitionReassignmentsRequest>

export const ListPartitionReassignmentsResponse = message(
  { key: 46, name: 'ListPartitionReassignmentsResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: nullable(string),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        replicas: array(int32),
        addingReplicas: array(int32),
        removingReplicas: array(int32),
      }),
    }),
  },
)
export type ListPartitionReassignmentsResponse = Infer<typeof ListPartitionReassignmentsResponse>
