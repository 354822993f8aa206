import type { Acl, AclFilter } from '../../broker/security/acl.ts'
import { aclOfCodes, codesOfAcl, codesOfFilter } from '../../kafka/acl-codes.ts'
import { CreateAclsRequest, CreateAclsResponse } from '../../kafka/messages/create-acls.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from '../../kafka/messages/delete-acls.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from '../../kafka/messages/describe-acls.ts'
import { CommandError } from '../command.ts'
import type { KafkaConnection } from './connection.ts'
import { throwOnError } from './errors.ts'

/** All ACLs that a filter matches. */
export async function describeAcls(connection: KafkaConnection, filter: AclFilter): Promise<Acl[]> {
  const answer = await connection.request(DescribeAclsRequest, DescribeAclsResponse, codesOfFilter(filter))
  throwOnError(answer.errorCode, 'cannot list rights', answer.errorMessage)
  return answer.resources.flatMap(({ acls, resourceType, resourceName, patternType }) =>
    acls.map((acl) => known({ ...acl, resourceType, resourceName, patternType })),
  )
}

export async function createAcls(connection: KafkaConnection, acls: readonly Acl[]): Promise<void> {
  const creations = acls.map((acl) => {
    const { patternType: resourcePatternType, ...rest } = codesOfAcl(acl)
    return { ...rest, resourcePatternType }
  })
  const { results } = await connection.request(CreateAclsRequest, CreateAclsResponse, { creations })
  for (const { errorCode, errorMessage } of results) throwOnError(errorCode, 'cannot add rights', errorMessage)
}

/** Removes what any of the filters matches; answers what that was. */
export async function deleteAcls(connection: KafkaConnection, filters: readonly AclFilter[]): Promise<Acl[]> {
  const { filterResults } = await connection.request(DeleteAclsRequest, DeleteAclsResponse, { filters: filters.map(codesOfFilter) })
  return filterResults.flatMap(({ errorCode, errorMessage, matchingAcls }) => {
    throwOnError(errorCode, 'cannot remove rights', errorMessage)
    return matchingAcls.map(known)
  })
}

function known(codes: Parameters<typeof aclOfCodes>[0]): Acl {
  const acl = aclOfCodes(codes)
  if (typeof acl === 'string') throw new CommandError(`the broker has rights that this version does not know: ${acl}`)
  return acl
}
