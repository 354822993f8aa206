import { array, int16, int32, int64, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * AddPartitionsToTxn (key 24): partitions that a transaction is about to write (KIP-98). 3 is flexible. 4 and 5 are for brokers among
 * themselves (KIP-890) and are not served: a client that is offered them would use them.
 */

export const AddPartitionsToTxnRequest = message(
  { key: 24, name: 'AddPartitionsToTxnRequest', versions: [0, 3], flexible: 3 },
  {
    v3AndBelowTransactionalId: string,
    v3AndBelowProducerId: int64,
    v3AndBelowProducerEpoch: int16,
    v3AndBelowTopics: array({
      name: string,
      partitions: array(int32),
    }),
  },
)
export type AddPartitionsToTxnRequest = Infer<typeof AddPartitionsToTxnRequest>

export const AddPartitionsToTxnResponse = message(
  { key: 24, name: 'AddPartitionsToTxnResponse', versions: [0, 3], flexible: 3 },
  {
    throttleTimeMs: withDefault(int32, 0),
    resultsByTopicV3AndBelow: array({
      name: string,
      resultsByPartition: array({
        partitionIndex: int32,
        partitionErrorCode: int16,
      }),
    }),
  },
)
export type AddPartitionsToTxnResponse = Infer<typeof AddPartitionsToTxnResponse>
