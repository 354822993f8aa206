import { array, bool, float64, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * AlterClientQuotas (key 49, KIP-546). 1 is flexible.
 */

export const AlterClientQuotasRequest = message(
  { key: 49, name: 'AlterClientQuotasRequest', versions: [0, 1], flexible: 1 },
  {
    entries: array({
      entity: array({
        entityType: string,
        entityName: nullable(string),
      }),
      ops: array({
        key: string,
        value: float64,
        remove: bool,
      }),
    }),
    validateOnly: bool,
  },
)
export type AlterClientQuotasRequest = Infer<typeof AlterClientQuotasRequest>

export const AlterClientQuotasResponse = message(
  { key: 49, name: 'AlterClientQuotasResponse', versions: [0, 1], flexible: 1 },
  {
    throttleTimeMs: withDefault(int32, 0),
    entries: array({
      errorCode: int16,
      errorMessage: nullable(string),
      entity: array({
        entityType: string,
        entityName: nullable(string),
      }),
    }),
  },
)
export type AlterClientQuotasResponse = Infer<typeof AlterClientQuotasResponse>
