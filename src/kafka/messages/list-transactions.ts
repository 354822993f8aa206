import { array, int16, int32, int64, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** ListTransactions (key 66): the transactional ids a broker knows (KIP-664). 1 filters by age (KIP-994); 2 by a pattern (KIP-1152). */

export const ListTransactionsRequest = message(
  { key: 66, name: 'ListTransactionsRequest', versions: [0, 2], flexible: 0 },
  {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: since(1, int64, -1),
    transactionalIdPattern: since(2, nullable(string), null),
  },
)
export type ListTransactionsRequest = Infer<typeof ListTransactionsRequest>

export const ListTransactionsResponse = message(
  { key: 66, name: 'ListTransactionsResponse', versions: [0, 2], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
)
export type ListTransactionsResponse = Infer<typeof ListTransactionsResponse>
