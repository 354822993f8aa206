import { array, between, bool, int16, int32, int64, nullable, nullableSince, since, string, until, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * OffsetFetch (key 9): what groups have committed. From 2 on null topics mean all; 5 has leader epochs; 6 is flexible; 7 may
 * insist on stable offsets (KIP-447); 8 asks for several groups at once (KIP-709), so the fields of one group end at 7; 9 is for
 * groups of KIP-848; 10 has topic ids instead of names.
 */

export const OffsetFetchRequest = message(
  { key: 9, name: 'OffsetFetchRequest', versions: [1, 10], flexible: 6 },
  {
    groupId: until(7, string),
    topics: until(
      7,
      nullableSince(
        2,
        array({
          name: string,
          partitionIndexes: array(int32),
        }),
      ),
    ),
    groups: since(
      8,
      array({
        groupId: string,
        memberId: since(9, nullable(string), null),
        memberEpoch: since(9, int32, -1),
        topics: nullable(
          array({
            name: until(9, string),
            topicId: since(10, uuid),
            partitionIndexes: array(int32),
          }),
        ),
      }),
    ),
    requireStable: since(7, bool, false),
  },
)
export type OffsetFetchRequest = Infer<typeof OffsetFetchRequest>

export const OffsetFetchResponse = message(
  { key: 9, name: 'OffsetFetchResponse', versions: [1, 10], flexible: 6 },
  {
    throttleTimeMs: since(3, int32, 0),
    topics: until(
      7,
      array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: since(5, int32, -1),
          metadata: nullable(string),
          errorCode: int16,
        }),
      }),
    ),
    errorCode: between(2, 7, int16, 0),
    groups: since(
      8,
      array({
        groupId: string,
        topics: array({
          name: until(9, string),
          topicId: since(10, uuid),
          partitions: array({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: withDefault(int32, -1),
            metadata: nullable(string),
            errorCode: int16,
          }),
        }),
        errorCode: withDefault(int16, 0),
      }),
    ),
  },
)
export type OffsetFetchResponse = Infer<typeof OffsetFetchResponse>
