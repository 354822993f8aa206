import { array, int16, int32, nullable, string, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** DeleteShareGroupOffsets (key 92, KIP-932): a share group without members forgets topics. */

export const DeleteShareGroupOffsetsRequest = message(
  { key: 92, name: 'DeleteShareGroupOffsetsRequest', versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: array({ topicName: string }),
  },
)
export type DeleteShareGroupOffsetsRequest = Infer<typeof DeleteShareGroupOffsetsRequest>

export const DeleteShareGroupOffsetsResponse = message(
  { key: 92, name: 'DeleteShareGroupOffsetsResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    responses: array({
      topicName: string,
      topicId: uuid,
      errorCode: int16,
      errorMessage: withDefault(nullable(string), null),
    }),
  },
)
export type DeleteShareGroupOffsetsResponse = Infer<typeof DeleteShareGroupOffsetsResponse>
