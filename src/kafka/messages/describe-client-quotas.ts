import { array, bool, float64, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeClientQuotas (key 48, KIP-546): quotas of users, client ids and addresses. 1 is flexible.
 */

export const DescribeClientQuotasRequest = message(
  { key: 48, name: 'DescribeClientQuotasRequest', versions: [0, 1], flexible: 1 },
  {
    components: array({
      entityType: string,
      matchType: int8,
      match: nullable(string),
    }),
    strict: bool,
  },
)
export type DescribeClientQuotasRequest = Infer<typeof DescribeClientQuotasRequest>

export const DescribeClientQuotasResponse = message(
  { key: 48, name: 'DescribeClientQuotasResponse', versions: [0, 1], flexible: 1 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: nullable(string),
    entries: nullable(
      array({
        entity: array({
          entityType: string,
          entityName: nullable(string),
        }),
        values: array({
          key: string,
          value: float64,
        }),
      }),
    ),
  },
)
export type DescribeClientQuotasResponse = Infer<typeof DescribeClientQuotasResponse>
