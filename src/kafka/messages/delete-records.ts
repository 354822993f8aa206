import { array, int16, int32, int64, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DeleteRecords (key 21): raises the log start; offset -1 stands for the high watermark. 2 is flexible.
 */

export const DeleteRecordsRequest = message(
  { key: 21, name: 'DeleteRecordsRequest', versions: [0, 2], flexible: 2 },
  {
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        offset: int64,
      }),
    }),
    timeoutMs: int32,
  },
)
export type DeleteRecordsRequest = Infer<typeof DeleteRecordsRequest>

export const DeleteRecordsResponse = message(
  { key: 21, name: 'DeleteRecordsResponse', versions: [0, 2], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        lowWatermark: int64,
        errorCode: int16,
      }),
    }),
  },
)
export type DeleteRecordsResponse = Infer<typeof DeleteRecordsResponse>
