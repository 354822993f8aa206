import { array, int16, int32, int64, nullable, string, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** AlterShareGroupOffsets (key 91, KIP-932): lets a share group without members begin somewhere else. */

export const AlterShareGroupOffsetsRequest = message(
  { key: 91, name: 'AlterShareGroupOffsetsRequest', versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: array({
      topicName: string,
      partitions: array({ partitionIndex: int32, startOffset: int64 }),
    }),
  },
)
export type AlterShareGroupOffsetsRequest = Infer<typeof AlterShareGroupOffsetsRequest>

export const AlterShareGroupOffsetsResponse = message(
  { key: 91, name: 'AlterShareGroupOffsetsResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    responses: array({
      topicName: string,
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: withDefault(nullable(string), null),
      }),
    }),
  },
)
export type AlterShareGroupOffsetsResponse = Infer<typeof AlterShareGroupOffsetsResponse>
