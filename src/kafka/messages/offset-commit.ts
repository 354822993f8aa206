import { array, int16, int32, int64, nullable, since, string, until, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * OffsetCommit (key 8): remembers how far a group has read. Versions below 5 name how long to remember it; 6 has leader epochs; 7
 * static members (KIP-345); 8 is flexible; 9 is for groups of KIP-848, whose `memberEpoch` stands in the generation; 10 has topic
 * ids instead of names (KIP-848).
 */

export const OffsetCommitRequest = message(
  { key: 8, name: 'OffsetCommitRequest', versions: [2, 10], flexible: 8 },
  {
    groupId: string,
    generationIdOrMemberEpoch: withDefault(int32, -1),
    memberId: string,
    groupInstanceId: since(7, nullable(string), null),
    retentionTimeMs: until(4, int64, -1),
    topics: array({
      name: until(9, string),
      topicId: since(10, uuid),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: since(6, int32, -1),
        committedMetadata: nullable(string),
      }),
    }),
  },
)
export type OffsetCommitRequest = Infer<typeof OffsetCommitRequest>

export const OffsetCommitResponse = message(
  { key: 8, name: 'OffsetCommitResponse', versions: [2, 10], flexible: 8 },
  {
    throttleTimeMs: since(3, int32, 0),
    topics: array({
      name: until(9, string),
      topicId: since(10, uuid),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type OffsetCommitResponse = Infer<typeof OffsetCommitResponse>
