import { array, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** CreateAcls (key 30). 1 has pattern types (KIP-290); 2 is flexible; 3 has users as resources (KIP-373). */

export const CreateAclsRequest = message(
  { key: 30, name: 'CreateAclsRequest', versions: [1, 3], flexible: 2 },
  {
    creations: array({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: withDefault(int8, 3),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
)
export type CreateAclsRequest = Infer<typeof CreateAclsRequest>

export const CreateAclsResponse = message(
  { key: 30, name: 'CreateAclsResponse', versions: [1, 3], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    results: array({
      errorCode: int16,
      errorMessage: nullable(string),
    }),
  },
)
export type CreateAclsResponse = Infer<typeof CreateAclsResponse>
