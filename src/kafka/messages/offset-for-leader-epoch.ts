import { array, int16, int32, int64, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * OffsetForLeaderEpoch (key 23): where a leader epoch ends, for consumers that check for truncation (KIP-320). 4 is flexible.
 */

export const OffsetForLeaderEpochRequest = message(
  { key: 23, name: 'OffsetForLeaderEpochRequest', versions: [2, 4], flexible: 4 },
  {
    replicaId: since(3, int32, -2),
    topics: array({
      topic: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: withDefault(int32, -1),
        leaderEpoch: int32,
      }),
    }),
  },
)
export type OffsetForLeaderEpochRequest = Infer<typeof OffsetForLeaderEpochRequest>

export const OffsetForLeaderEpochResponse = message(
  { key: 23, name: 'OffsetForLeaderEpochResponse', versions: [2, 4], flexible: 4 },
  {
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      topic: string,
      partitions: array({
        errorCode: int16,
        partition: int32,
        leaderEpoch: withDefault(int32, -1),
        endOffset: withDefault(int64, -1),
      }),
    }),
  },
)
export type OffsetForLeaderEpochResponse = Infer<typeof OffsetForLeaderEpochResponse>
