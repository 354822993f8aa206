import { CreateAclsRequest, CreateAclsResponse } from '../../../src/kafka/messages/create-acls.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from '../../../src/kafka/messages/delete-acls.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from '../../../src/kafka/messages/describe-acls.ts'
import { stripped } from '../differential/question.ts'
import type { RightsPeer } from './rights-peer.ts'

const CREATE = [CreateAclsRequest, CreateAclsResponse] as const
const DESCRIBE = [DescribeAclsRequest, DescribeAclsResponse] as const
const DELETE = [DeleteAclsRequest, DeleteAclsResponse] as const

const GOOD = { resourceType: 2, resourceName: 'odd', resourcePatternType: 3, principal: 'User:odd', host: '*', operation: 3, permissionType: 3 }
type Creation = typeof GOOD
/** Of what nobody has. */
const FILTER = {
  resourceTypeFilter: 2,
  resourceNameFilter: 'nobody has it',
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

const NUMBERS: Readonly<Record<string, readonly number[]>> = {
  resourceType: [0, 1, 8, 99, -1],
  resourcePatternType: [0, 1, 2, 5, -1],
  operation: [0, 1, 16, 99, -1],
  permissionType: [0, 1, 4, -1],
}
const FILTER_NUMBERS: Readonly<Record<string, readonly number[]>> = {
  resourceTypeFilter: [0, 8, 99, -1],
  patternTypeFilter: [0, 2, 5, -1],
  operation: [0, 16, 99, -1],
  permissionType: [0, 4, -1],
}
const NAMES = ['a/b', 'a/+/b', 'a/b#', 'a+', '#', '+', 'a b', '.', '', 'ü', 'x'.repeat(300), '$share/g/x', '$replay/x', 'orders/#/x']
const PRINCIPALS = ['x', 'User:', ':x', 'Group:x', 'User:a b', '', 'RegexUser:x', 'User:*']
const HOSTS = ['', 'x', '1.2.3.4', '::1', '1.2.3.0/24']
/** Operations that make sense for few resources or none. */
const OPERATIONS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].flatMap((operation) =>
  [2, 3, 4, 5, 6, 7].map((resourceType) => ({ ...GOOD, resourceType, operation, resourceName: resourceType === 4 ? 'kafka-cluster' : 'odd' })),
)

/** What the broker says of each, a line each; in the end none of them is there. */
export async function askOddAcls(peer: RightsPeer): Promise<string[]> {
  const lines: string[] = []
  const tell = (what: string, version: number, answer: unknown) => lines.push(`${what} v${version}: ${JSON.stringify(stripped(answer))}`)
  const create = async (what: string, version: number, ...creations: readonly Creation[]) =>
    tell(`create ${what}`, version, await peer.askAsAdmin(CREATE, version, { creations: [...creations] }))
  for (const version of [1, 3]) {
    for (const [field, values] of Object.entries(NUMBERS)) {
      for (const value of values) await create(`${field} ${value}`, version, { ...GOOD, [field]: value })
    }
    for (const [field, values] of Object.entries(FILTER_NUMBERS)) {
      for (const value of values) {
        const filter = { ...FILTER, [field]: value }
        tell(`describe ${field} ${value}`, version, await peer.askAsAdmin(DESCRIBE, version, filter))
        tell(`delete ${field} ${value}`, version, await peer.askAsAdmin(DELETE, version, { filters: [FILTER, filter] }))
      }
    }
  }
  for (const operation of [0, 1, 99]) await create(`a good one and operation ${operation}`, 3, GOOD, { ...GOOD, operation }, { ...GOOD, host: '9.9.9.9' })
  for (const name of NAMES)
    for (const resourcePatternType of [3, 4]) await create(`"${name}" ${resourcePatternType}`, 3, { ...GOOD, resourceName: name, resourcePatternType })
  for (const principal of PRINCIPALS) await create(`for ${principal}`, 3, { ...GOOD, principal })
  for (const host of HOSTS) await create(`from ${host}`, 3, { ...GOOD, host })
  await create('operations', 3, ...OPERATIONS)
  const made = { ...FILTER, resourceTypeFilter: 1, resourceNameFilter: null, principalFilter: 'User:odd' }
  const gone = await peer.askAsAdmin(DELETE, 3, { filters: [made] })
  const found = gone === 'closed' ? [] : gone.filterResults.flatMap(({ matchingAcls }) => matchingAcls.map((acl) => JSON.stringify(stripped(acl))))
  lines.push(...found.toSorted())
  return lines
}
