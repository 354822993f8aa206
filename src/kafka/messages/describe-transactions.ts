import { array, int16, int32, int64, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** DescribeTransactions (key 65): where transactional ids stand (KIP-664). Flexible from the first version on. */

export const DescribeTransactionsRequest = message(
  { key: 65, name: 'DescribeTransactionsRequest', versions: [0, 0], flexible: 0 },
  {
    transactionalIds: array(string),
  },
)
export type DescribeTransactionsRequest = Infer<typeof DescribeTransactionsRequest>

export const DescribeTransactionsResponse = message(
  { key: 65, name: 'DescribeTransactionsResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    transactionStates: array({
      errorCode: int16,
      transactionalId: string,
      transactionState: string,
      transactionTimeoutMs: int32,
      transactionStartTimeMs: int64,
      producerId: int64,
      producerEpoch: int16,
      topics: array({
        topic: string,
        partitions: array(int32),
      }),
    }),
  },
)
export type DescribeTransactionsResponse = Infer<typeof DescribeTransactionsResponse>
