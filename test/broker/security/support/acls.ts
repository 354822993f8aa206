import type { Acl, AclFilter } from '../../../../src/broker/security/acl.ts'

/** An ACL in words: `allow User:alice read topic orders`, `deny User:* write topic ord* from 10.0.0.1`; a `*` behind a name makes it a prefix. */
export function aclOf(words: string): Acl {
  const match = /^(allow|deny) (.+?) (\S+) (topic|group|cluster|transactional-id|delegation-token|user) (\S+)(?: from (\S+))?$/.exec(words)
  if (match === null) throw new Error(`no ACL: ${words}`)
  const [, permission, principal, operation, resourceType, name, host] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string | undefined,
  ]
  const isPrefix = name.length > 1 && name.endsWith('*')
  return {
    permission: permission as Acl['permission'],
    principal,
    operation: operation as Acl['operation'],
    resourceType: resourceType as Acl['resourceType'],
    resourceName: isPrefix ? name.slice(0, -1) : name,
    patternType: isPrefix ? 'prefixed' : 'literal',
    host: host ?? '*',
  }
}

/** Matches every ACL, but for what is given. */
export function filterOf(given: Partial<AclFilter> = {}): AclFilter {
  return { resourceType: null, patternType: 'any', resourceName: null, principal: null, host: null, operation: null, permission: null, ...given }
}
