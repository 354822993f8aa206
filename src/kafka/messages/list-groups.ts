import { array, int16, int32, since, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ListGroups (key 16): the groups a broker coordinates. 3 is flexible; 4 filters by state (KIP-518); 5 by type (KIP-848).
 */

export const ListGroupsRequest = message(
  { key: 16, name: 'ListGroupsRequest', versions: [0, 5], flexible: 3 },
  {
    statesFilter: since(4, array(string)),
    typesFilter: since(5, array(string)),
  },
)
export type ListGroupsRequest = Infer<typeof ListGroupsRequest>

export const ListGroupsResponse = message(
  { key: 16, name: 'ListGroupsResponse', versions: [0, 5], flexible: 3 },
  {
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: since(4, string),
      groupType: since(5, string),
    }),
  },
)
export type ListGroupsResponse = Infer<typeof ListGroupsResponse>
