import { array, int16, int32, int64, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeProducers (key 61, KIP-664): the idempotent producers of partitions.
 */

export const DescribeProducersRequest = message(
  { key: 61, name: 'DescribeProducersRequest', versions: [0, 0], flexible: 0 },
  {
    topics: array({
      name: string,
      partitionIndexes: array(int32),
    }),
  },
)
export type DescribeProducersRequest = Infer<typeof DescribeProducersRequest>

export const DescribeProducersResponse = message(
  { key: 61, name: 'DescribeProducersResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: withDefault(nullable(string), null),
        activeProducers: array({
          producerId: int64,
          producerEpoch: int32,
          lastSequence: withDefault(int32, -1),
          lastTimestamp: withDefault(int64, -1),
          coordinatorEpoch: int32,
          currentTxnStartOffset: withDefault(int64, -1),
        }),
      }),
    }),
  },
)
export type DescribeProducersResponse = Infer<typeof DescribeProducersResponse>
