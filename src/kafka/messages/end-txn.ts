import { bool, int16, int32, int64, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** EndTxn (key 26): commits or aborts a transaction (KIP-98). 3 is flexible; from 5 on the answer has the next epoch (KIP-890). */

export const EndTxnRequest = message(
  { key: 26, name: 'EndTxnRequest', versions: [0, 5], flexible: 3 },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: bool,
  },
)
export type EndTxnRequest = Infer<typeof EndTxnRequest>

export const EndTxnResponse = message(
  { key: 26, name: 'EndTxnResponse', versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    producerId: since(5, int64, -1),
    producerEpoch: since(5, int16, -1),
  },
)
export type EndTxnResponse = Infer<typeof EndTxnResponse>
