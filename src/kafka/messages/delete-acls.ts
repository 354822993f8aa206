import { array, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** DeleteAcls (key 31). 1 has pattern types (KIP-290); 2 is flexible; 3 has users as resources (KIP-373). */

export const DeleteAclsRequest = message(
  { key: 31, name: 'DeleteAclsRequest', versions: [1, 3], flexible: 2 },
  {
    filters: array({
      resourceTypeFilter: int8,
      /** Null: any. */
      resourceNameFilter: nullable(string),
      patternTypeFilter: withDefault(int8, 3),
      principalFilter: nullable(string),
      hostFilter: nullable(string),
      operation: int8,
      permissionType: int8,
    }),
  },
)
export type DeleteAclsRequest = Infer<typeof DeleteAclsRequest>

export const DeleteAclsResponse = message(
  { key: 31, name: 'DeleteAclsResponse', versions: [1, 3], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    filterResults: array({
      errorCode: int16,
      errorMessage: nullable(string),
      matchingAcls: array({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        patternType: withDefault(int8, 3),
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
)
export type DeleteAclsResponse = Infer<typeof DeleteAclsResponse>
