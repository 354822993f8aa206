import { int16, int32, int64, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** AddOffsetsToTxn (key 25): a group whose offsets a transaction is about to commit (KIP-98). 3 is flexible; 4 is for TV2 (KIP-890). */

export const AddOffsetsToTxnRequest = message(
  { key: 25, name: 'AddOffsetsToTxnRequest', versions: [0, 4], flexible: 3 },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
)
export type AddOffsetsToTxnRequest = Infer<typeof AddOffsetsToTxnRequest>

export const AddOffsetsToTxnResponse = message(
  { key: 25, name: 'AddOffsetsToTxnResponse', versions: [0, 4], flexible: 3 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
  },
)
export type AddOffsetsToTxnResponse = Infer<typeof AddOffsetsToTxnResponse>
