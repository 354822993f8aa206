import { ERRORS, type Failure, failure, isFailure } from '../../broker/errors.ts'
import type { Acl, AclFilter } from '../../broker/security/acl.ts'
import { codesOfAcl, filterOfCodes, hasUnknownCode } from '../acl-codes.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { DeleteAclsRequest, DeleteAclsResponse } from '../messages/delete-acls.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DeleteAclsResponse>
type FilterResult = Response['filterResults'][number]

/**
 * DeleteAcls (31): removes all ACLs that any of the filters matches, answered when that is durable. Needs ALTER on the cluster.
 *
 * Each filter's result names the ACLs that went; 42 for a filter with a number that means nothing. As in Kafka, a number 0 closes the connection.
 */
export const deleteAcls: Handler<DeleteAclsRequest, Response> = (request, context) => {
  const { security } = context.broker
  if (request.filters.some((filter) => hasUnknownCode(filter.resourceTypeFilter, filter.patternTypeFilter, filter.operation, filter.permissionType))) {
    context.connection.close('a filter of ACLs of unknown elements')
    return null
  }
  if (!security.authorize(context.connection.principal, 'alter', 'cluster', CLUSTER_RESOURCE)) {
    return { filterResults: request.filters.map(() => refused(failure(ERRORS.clusterAuthorizationFailed))) }
  }
  const asked = request.filters.map(filterOfCodes)
  const legal = asked.filter((filter): filter is AclFilter => typeof filter !== 'string')
  return new Promise((resolve) => {
    security.acls.delete(legal, (results) => {
      let next = 0
      resolve({
        filterResults: asked.map((filter) => (typeof filter === 'string' ? refused(failure(ERRORS.invalidRequest, filter)) : resultOf(results[next++] ?? []))),
      })
    })
  })
}

function resultOf(result: readonly Acl[] | Failure): FilterResult {
  if (isFailure(result)) return refused(result)
  return { errorCode: 0, errorMessage: null, matchingAcls: result.map((acl) => ({ errorCode: 0, errorMessage: null, ...codesOfAcl(acl) })) }
}

function refused({ error, message }: Failure): FilterResult {
  return { errorCode: error.kafka, errorMessage: message, matchingAcls: [] }
}
