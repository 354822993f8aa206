import { array, int16, int32, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * OffsetDelete (key 47): forgets committed offsets of topics the group is not subscribed to (KIP-496). Never flexible.
 */

export const OffsetDeleteRequest = message(
  { key: 47, name: 'OffsetDeleteRequest', versions: [0, 0] },
  {
    groupId: string,
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
      }),
    }),
  },
)
export type OffsetDeleteRequest = Infer<typeof OffsetDeleteRequest>

export const OffsetDeleteResponse = message(
  { key: 47, name: 'OffsetDeleteResponse', versions: [0, 0] },
  {
    errorCode: int16,
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type OffsetDeleteResponse = Infer<typeof OffsetDeleteResponse>
