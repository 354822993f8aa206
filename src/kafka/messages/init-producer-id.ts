import { int16, int32, int64, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * InitProducerId (key 22): an id and epoch for an idempotent or transactional producer (KIP-98). 2 is flexible; 3 lets a producer
 * keep its id with a new epoch (KIP-360); from 4 on the error for a fenced producer is another (KIP-588). 6 is not released.
 */

export const InitProducerIdRequest = message(
  { key: 22, name: 'InitProducerIdRequest', versions: [0, 5], flexible: 2 },
  {
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
  },
)
export type InitProducerIdRequest = Infer<typeof InitProducerIdRequest>

export const InitProducerIdResponse = message(
  { key: 22, name: 'InitProducerIdResponse', versions: [0, 5], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    producerId: withDefault(int64, -1),
    producerEpoch: int16,
  },
)
export type InitProducerIdResponse = Infer<typeof InitProducerIdResponse>
