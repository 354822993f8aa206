import { array, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** DescribeAcls (key 29). 1 has pattern types (KIP-290); 2 is flexible; 3 has users as resources (KIP-373). */

export const DescribeAclsRequest = message(
  { key: 29, name: 'DescribeAclsRequest', versions: [1, 3], flexible: 2 },
  {
    resourceTypeFilter: int8,
    /** Null: any. */
    resourceNameFilter: nullable(string),
    patternTypeFilter: withDefault(int8, 3),
    principalFilter: nullable(string),
    hostFilter: nullable(string),
    operation: int8,
    permissionType: int8,
  },
)
export type DescribeAclsRequest = Infer<typeof DescribeAclsRequest>

export const DescribeAclsResponse = message(
  { key: 29, name: 'DescribeAclsResponse', versions: [1, 3], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: nullable(string),
    resources: array({
      resourceType: int8,
      resourceName: string,
      patternType: withDefault(int8, 3),
      acls: array({
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
)
export type DescribeAclsResponse = Infer<typeof DescribeAclsResponse>
