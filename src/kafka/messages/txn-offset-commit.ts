import { array, int16, int32, int64, nullable, since, string, until, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * TxnOffsetCommit (key 28): offsets of a group that count when the transaction commits (KIP-98). 2 has leader epochs; 3 is flexible and
 * has the member, so that a former generation is refused (KIP-447); 5 is for TV2 (KIP-890); 6 has topic ids instead of names.
 */

export const TxnOffsetCommitRequest = message(
  { key: 28, name: 'TxnOffsetCommitRequest', versions: [0, 6], flexible: 3 },
  {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationIdOrMemberEpoch: since(3, int32, -1),
    memberId: since(3, string, ''),
    groupInstanceId: since(3, nullable(string), null),
    topics: array({
      name: until(5, string),
      topicId: since(6, uuid),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: since(2, int32, -1),
        committedMetadata: nullable(string),
      }),
    }),
  },
)
export type TxnOffsetCommitRequest = Infer<typeof TxnOffsetCommitRequest>

export const TxnOffsetCommitResponse = message(
  { key: 28, name: 'TxnOffsetCommitResponse', versions: [0, 6], flexible: 3 },
  {
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      name: until(5, string),
      topicId: since(6, uuid),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type TxnOffsetCommitResponse = Infer<typeof TxnOffsetCommitResponse>
