import { array, int8, int16, int32, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ElectLeaders (key 43): a new leader for partitions; null means all. 1 may elect uncleanly (KIP-460); 2 is flexible.
 */

export const ElectLeadersRequest = message(
  { key: 43, name: 'ElectLeadersRequest', versions: [0, 2], flexible: 2 },
  {
    electionType: since(1, int8),
    topicPartitions: nullable(
      array({
        topic: string,
        partitions: array(int32),
      }),
    ),
    timeoutMs: withDefault(int32, 60000),
  },
)
export type ElectLeadersRequest = Infer<typeof ElectLeadersRequest>

export const ElectLeadersResponse = message(
  { key: 43, name: 'ElectLeadersResponse', versions: [0, 2], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: since(1, int16),
    replicaElectionResults: array({
      topic: string,
      partitionResult: array({
        partitionId: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
)
export type ElectLeadersResponse = Infer<typeof ElectLeadersResponse>
