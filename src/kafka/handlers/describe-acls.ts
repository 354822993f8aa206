import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { Acl } from '../../broker/security/acl.ts'
import { codesOfAcl, filterOfCodes, hasUnknownCode } from '../acl-codes.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { DescribeAclsRequest, DescribeAclsResponse } from '../messages/describe-acls.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeAclsResponse>
type Resource = Response['resources'][number]

/**
 * DescribeAcls (29): the ACLs that match a filter, by resource. Needs DESCRIBE on the cluster.
 *
 * A filter with a number that means nothing matches none; with a number 0 it closes the connection, as in Kafka.
 */
export const describeAcls: Handler<DescribeAclsRequest, Response> = (request, context) => {
  const { security } = context.broker
  if (hasUnknownCode(request.resourceTypeFilter, request.patternTypeFilter, request.operation, request.permissionType)) {
    context.connection.close('a filter of ACLs of unknown elements')
    return null
  }
  if (!security.authorize(context.connection.principal, 'describe', 'cluster', CLUSTER_RESOURCE)) return refused(failure(ERRORS.clusterAuthorizationFailed))
  const filter = filterOfCodes(request)
  return { errorCode: 0, errorMessage: null, resources: typeof filter === 'string' ? [] : byResource(security.acls.matching(filter)) }
}

function byResource(acls: readonly Acl[]): Resource[] {
  const groups = Map.groupBy(acls, ({ resourceType, patternType, resourceName }) => `${resourceType} ${patternType} ${resourceName}`)
  return [...groups.values()].map((group) => {
    const entries = group.map(codesOfAcl)
    const { resourceType, resourceName, patternType } = entries[0] as (typeof entries)[number]
    return { resourceType, resourceName, patternType, acls: entries }
  })
}

function refused({ error, message }: Failure): Response {
  return { errorCode: error.kafka, errorMessage: message, resources: [] }
}
