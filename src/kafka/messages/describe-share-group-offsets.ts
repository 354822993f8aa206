import { array, int16, int32, int64, nullable, since, string, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** DescribeShareGroupOffsets (key 90, KIP-932): where share groups begin in partitions. 1 says what is left to do (KIP-1226). */

export const DescribeShareGroupOffsetsRequest = message(
  { key: 90, name: 'DescribeShareGroupOffsetsRequest', versions: [0, 1], flexible: 0 },
  {
    groups: array({
      groupId: string,
      topics: nullable(array({ topicName: string, partitions: array(int32) })),
    }),
  },
)
export type DescribeShareGroupOffsetsRequest = Infer<typeof DescribeShareGroupOffsetsRequest>

export const DescribeShareGroupOffsetsResponse = message(
  { key: 90, name: 'DescribeShareGroupOffsetsResponse', versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    groups: array({
      groupId: string,
      topics: array({
        topicName: string,
        topicId: uuid,
        partitions: array({
          partitionIndex: int32,
          startOffset: int64,
          leaderEpoch: int32,
          lag: since(1, int64, -1),
          errorCode: int16,
          errorMessage: withDefault(nullable(string), null),
        }),
      }),
      errorCode: int16,
      errorMessage: withDefault(nullable(string), null),
    }),
  },
)
export type DescribeShareGroupOffsetsResponse = Infer<typeof DescribeShareGroupOffsetsResponse>
