import { array, int16, int32, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DeleteGroups (key 42): deletes groups without members. 2 is flexible; 3 has error messages.
 */

export const DeleteGroupsRequest = message(
  { key: 42, name: 'DeleteGroupsRequest', versions: [0, 3], flexible: 2 },
  {
    groupsNames: array(string),
  },
)
export type DeleteGroupsRequest = Infer<typeof DeleteGroupsRequest>

export const DeleteGroupsResponse = message(
  { key: 42, name: 'DeleteGroupsResponse', versions: [0, 3], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    results: array({
      groupId: string,
      errorCode: int16,
      errorMessage: since(3, nullable(string), null),
    }),
  },
)
export type DeleteGroupsResponse = Infer<typeof DeleteGroupsResponse>
