import { array, int8, int16, int32, int64, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ListOffsets (key 2): offsets by timestamp, or by what a negative timestamp stands for: -1 latest, -2 earliest, -3 largest
 * timestamp (from 7, KIP-734), -4 earliest local (from 8), -5 last tiered (from 9, KIP-1005), -6 earliest pending upload (from 11,
 * KIP-1023). 2 has isolation levels; 4 leader epochs; 6 is flexible; 10 a timeout (KIP-1075).
 */

export const ListOffsetsRequest = message(
  { key: 2, name: 'ListOffsetsRequest', versions: [1, 11], flexible: 6 },
  {
    replicaId: int32,
    isolationLevel: since(2, int8),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        currentLeaderEpoch: since(4, int32, -1),
        timestamp: int64,
      }),
    }),
    timeoutMs: since(10, int32),
  },
)
export type ListOffsetsRequest = Infer<typeof ListOffsetsRequest>

export const ListOffsetsResponse = message(
  { key: 2, name: 'ListOffsetsResponse', versions: [1, 11], flexible: 6 },
  {
    throttleTimeMs: since(2, int32, 0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: withDefault(int64, -1),
        offset: withDefault(int64, -1),
        leaderEpoch: since(4, int32, -1),
      }),
    }),
  },
)
export type ListOffsetsResponse = Infer<typeof ListOffsetsResponse>
