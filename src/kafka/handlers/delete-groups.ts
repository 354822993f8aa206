import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { DeleteGroupsRequest, DeleteGroupsResponse } from '../messages/delete-groups.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DeleteGroupsResponse>

/**
 * DeleteGroups (42): deletes groups without members, and their offsets; answered when that is durable. v3: error messages.
 */
export const deleteGroups: Handler<DeleteGroupsRequest, Response> = (request, context) => {
  const { security, groups } = context.broker
  const groupIds = [...new Set(request.groupsNames)]
  const allowed = groupIds.filter((groupId) => security.authorize(context.connection.principal, 'delete', 'group', groupId))
  return new Promise((resolve) => {
    groups.delete(allowed, (errors) => {
      const errorOf = new Map(allowed.map((groupId, index) => [groupId, errors[index] ?? null]))
      resolve({
        results: groupIds.map((groupId) => {
          const error = errorOf.has(groupId) ? (errorOf.get(groupId) as ErrorRow | null) : ERRORS.groupAuthorizationFailed
          return { groupId, errorCode: error?.kafka ?? 0, errorMessage: error?.message ?? null }
        }),
      })
    })
  })
}
