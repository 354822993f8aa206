import { ERRORS } from '../../broker/errors.ts'
import type { User } from '../../broker/security/ports.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from '../messages/describe-user-scram-credentials.ts'
import { codeOfMechanism } from '../sasl/mechanism-codes.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeUserScramCredentialsResponse>
type Result = Response['results'][number]

/**
 * DescribeUserScramCredentials (50, KIP-554): mechanisms and iterations of users. Needs DESCRIBE on the cluster; clients
 * without a user need ALTER, since they may describe wherever nobody took care.
 */
export const describeUserScramCredentials: Handler<DescribeUserScramCredentialsRequest, Response> = (request, context) => {
  const { security } = context.broker
  const { principal } = context.connection
  const needed = principal.name === security.anonymous.name ? 'alter' : 'describe'
  if (!security.authorize(principal, needed, 'cluster', CLUSTER_RESOURCE)) {
    const { kafka, message } = ERRORS.clusterAuthorizationFailed
    return { errorCode: kafka, errorMessage: message, results: (request.users ?? []).map(({ name }) => failed(name, kafka, message)) }
  }
  const users = new Map([...security.users()].map((user) => [user.name, user]))
  const all = request.users === null || request.users.length === 0
  const results = all ? [...users.values()].map(describe) : describeNamed(request.users ?? [], users)
  return { errorCode: 0, errorMessage: null, results }
}

function describeNamed(asked: readonly { readonly name: string }[], users: ReadonlyMap<string, User>): Result[] {
  const counts = new Map<string, number>()
  for (const { name } of asked) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => {
    if (count > 1) return failed(name, ERRORS.duplicateResource.kafka, `user "${name}" is named twice`)
    const user = users.get(name)
    return user === undefined ? failed(name, ERRORS.resourceNotFound.kafka, `there is no user "${name}"`) : describe(user)
  })
}

function describe({ name, credentials }: User): Result {
  const credentialInfos = credentials.map(({ mechanism, iterations }) => ({ mechanism: codeOfMechanism(mechanism), iterations }))
  return { user: name, errorCode: 0, errorMessage: null, credentialInfos }
}

function failed(user: string, errorCode: number, errorMessage: string): Result {
  return { user, errorCode, errorMessage, credentialInfos: [] }
}
