import { array, bool, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

export const IncrementalAlterConfigsRequest = message(
  { key: 44, name: 'IncrementalAlterConfigsRequest', versions: [0, 1], flexible: 1 },
  {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        configOperation: int8,
        value: nullable(string),
      }),
    }),
    validateOnly: bool,
  },
)
export type IncrementalAlterConfigsRequest = Infer<typeof IncrementalAlterConfigsRequest>

export const IncrementalAlterConfigsResponse = message(
  { key: 44, name: 'IncrementalAlterConfigsResponse', versions: [0, 1], flexible: 1 },
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
export type IncrementalAlterConfigsResponse = Infer<typeof IncrementalAlterConfigsResponse>
