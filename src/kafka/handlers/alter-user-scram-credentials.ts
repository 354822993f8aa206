import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { ScramMechanism } from '../../broker/security/ports.ts'
import { credentialOf, saltedPasswordBytes } from '../../broker/security/scram.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../messages/alter-user-scram-credentials.ts'
import { mechanismOfCode } from '../sasl/mechanism-codes.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof AlterUserScramCredentialsResponse>
type Result = Response['results'][number]
type Deletion = AlterUserScramCredentialsRequest['deletions'][number]
type Upsertion = AlterUserScramCredentialsRequest['upsertions'][number]

/** A shorter salt would make precomputed tables worth while. */
const LEAST_SALT_BYTES = 8

/**
 * AlterUserScramCredentials (51, KIP-554): makes users, changes and deletes their passwords; answered when that is durable.
 *
 * Clients send salted passwords, never passwords. Needs ALTER on the cluster. A user with several changes of one
 * mechanism in a request gets 92; with one change that is refused, none of its changes is made.
 */
export const alterUserScramCredentials: Handler<AlterUserScramCredentialsRequest, Response> = async (request, context) => {
  const users = new Set([...request.deletions, ...request.upsertions].map(({ name }) => name))
  if (!context.broker.security.authorize(context.connection.principal, 'alter', 'cluster', CLUSTER_RESOURCE)) {
    return { results: [...users].map((user) => resultOf(user, failure(ERRORS.clusterAuthorizationFailed))) }
  }
  const results = [...users].map(async (user) => {
    const deletions = request.deletions.filter(({ name }) => name === user)
    const upsertions = request.upsertions.filter(({ name }) => name === user)
    return resultOf(user, await alterUser(user, deletions, upsertions, context))
  })
  return { results: await Promise.all(results) }
}

async function alterUser(
  user: string,
  deletions: readonly Deletion[],
  upsertions: readonly Upsertion[],
  { broker: { security } }: RequestContext,
): Promise<Failure | null> {
  const refused = checkChanges(deletions, upsertions)
  if (refused !== null) return refused
  const put = upsertions.map(({ mechanism, saltedPassword, salt, iterations }) =>
    credentialOf(knownMechanism(mechanism), saltedPassword, Buffer.from(salt), iterations),
  )
  const remove = deletions.map(({ mechanism }) => knownMechanism(mechanism))
  return new Promise((resolve) => security.alterCredentials(user, { put, remove }, resolve))
}

/** After checkChanges, which lets no unknown mechanism pass. */
function knownMechanism(code: number): ScramMechanism {
  const mechanism = mechanismOfCode(code)
  if (mechanism === undefined) throw new TypeError(`there is no SCRAM mechanism ${code}`)
  return mechanism
}

function checkChanges(deletions: readonly Deletion[], upsertions: readonly Upsertion[]): Failure | null {
  const changes = [...deletions, ...upsertions]
  const unknown = changes.find(({ mechanism }) => mechanismOfCode(mechanism) === undefined)
  if (unknown !== undefined) return failure(ERRORS.unsupportedSaslMechanism, `there is no SCRAM mechanism ${unknown.mechanism}`)
  if (new Set(changes.map(({ mechanism }) => mechanism)).size < changes.length) {
    return failure(ERRORS.duplicateResource, 'a user and mechanism is changed twice')
  }
  for (const { mechanism, salt, saltedPassword } of upsertions) {
    const bytes = saltedPasswordBytes(mechanismOfCode(mechanism) ?? 'SCRAM-SHA-256')
    if (saltedPassword.length !== bytes) return failure(ERRORS.unacceptableCredential, `a salted password has ${bytes} bytes, not ${saltedPassword.length}`)
    if (salt.length < LEAST_SALT_BYTES) return failure(ERRORS.unacceptableCredential, `a salt has at least ${LEAST_SALT_BYTES} bytes, not ${salt.length}`)
  }
  return null
}

function resultOf(user: string, failed: Failure | null): Result {
  return { user, errorCode: failed?.error.kafka ?? 0, errorMessage: failed?.message ?? null }
}
