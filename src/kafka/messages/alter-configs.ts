import { array, bool, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

export const AlterConfigsRequest = message(
  { key: 33, name: 'AlterConfigsRequest', versions: [0, 2], flexible: 2 },
  {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: nullable(string),
      }),
    }),
    validateOnly: bool,
  },
)
export type AlterConfigsRequest = Infer<typeof AlterConfigsRequest>

export const AlterConfigsResponse = message(
  { key: 33, name: 'AlterConfigsResponse', versions: [0, 2], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    responses: array({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
    }),
  },
)
export type AlterConfigsResponse = Infer<typeof AlterConfigsResponse>
