import { array, int8, int16, int32, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ListConfigResources (key 74): names of what has configs. 0 knows client metrics only; 1 asks by type (KIP-1142).
 */

export const ListConfigResourcesRequest = message(
  { key: 74, name: 'ListConfigResourcesRequest', versions: [0, 1], flexible: 0 },
  {
    resourceTypes: since(1, array(int8)),
  },
)
export type ListConfigResourcesRequest = Infer<typeof ListConfigResourcesRequest>

export const ListConfigResourcesResponse = message(
  { key: 74, name: 'ListConfigResourcesResponse', versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    configResources: array({
      resourceName: string,
      resourceType: since(1, int8, 16),
    }),
  },
)
export type ListConfigResourcesResponse = Infer<typeof ListConfigResourcesResponse>
