import { array, bool, int16, int32, int64, since, string, until, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * AddPartitionsToTxn (key 24): partitions that a transaction is about to write (KIP-98). 3 is flexible. 4 and 5 are for brokers among
 * themselves (KIP-890) and are not served: a client that is offered them would use them.
 */

const TOPIC = { name: string, partitions: array(int32) }
const TOPIC_RESULT = { name: string, resultsByPartition: array({ partitionIndex: int32, partitionErrorCode: int16 }) }

export const AddPartitionsToTxnRequest = message(
  { key: 24, name: 'AddPartitionsToTxnRequest', versions: [0, 5], flexible: 3 },
  {
    transactions: since(
      4,
      array({
        transactionalId: string,
        producerId: int64,
        producerEpoch: int16,
        verifyOnly: withDefault(bool, false),
        topics: array(TOPIC),
      }),
    ),
    v3AndBelowTransactionalId: until(3, string),
    v3AndBelowProducerId: until(3, int64),
    v3AndBelowProducerEpoch: until(3, int16),
    v3AndBelowTopics: until(3, array(TOPIC)),
  },
)
export type AddPartitionsToTxnRequest = Infer<typeof AddPartitionsToTxnRequest>

export const AddPartitionsToTxnResponse = message(
  { key: 24, name: 'AddPartitionsToTxnResponse', versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: since(4, int16, 0),
    resultsByTransaction: since(4, array({ transactionalId: string, topicResults: array(TOPIC_RESULT) })),
    resultsByTopicV3AndBelow: until(3, array(TOPIC_RESULT)),
  },
)
export type AddPartitionsToTxnResponse = Infer<typeof AddPartitionsToTxnResponse>
