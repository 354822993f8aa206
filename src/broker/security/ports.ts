import type { Failure } from '../errors.ts'
import type { Acl, AclFilter } from './acl.ts'
import type { Decisions } from './decisions.ts'

/** Who a connection speaks for, in the one store of users for all protocols. */
export interface Principal {
  /** Kafka's form: `User:alice`; `User:ANONYMOUS` for a listener without authentication. */
  readonly name: string
  /** May do everything. */
  readonly isAdministrator: boolean
  /** Where the client connects from, as ACLs name it: `10.1.2.3`; left out or empty where nobody knows (a session that was restored). */
  readonly host?: string
  /** It proved itself by a delegation token, and may not make further ones (KIP-48). */
  readonly byToken?: boolean
  /** What was decided for it so far; left out: everything is decided anew. */
  readonly decisions?: Decisions
}

/** What is asked of a resource: Kafka's operations. */
export type Operation =
  | 'read'
  | 'write'
  | 'create'
  | 'delete'
  | 'alter'
  | 'describe'
  | 'cluster-action'
  | 'describe-configs'
  | 'alter-configs'
  | 'idempotent-write'
  | 'create-tokens'
  | 'describe-tokens'
  | 'two-phase-commit'

/** What is asked about: Kafka's types, and MQTT topics and filters, whose rights are those of `mqtt-rights.ts`. */
export type ResourceType = 'topic' | 'group' | 'cluster' | 'transactional-id' | 'delegation-token' | 'user' | 'mqtt-topic'

/** RFC 5802 stored credential of one mechanism. */
export interface ScramCredential {
  readonly mechanism: ScramMechanism
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

/** A user, with a credential per mechanism. */
export interface User {
  readonly name: string
  /** The first user made is; the setting `super.users` names more. */
  readonly administrator: boolean
  readonly credentials: readonly ScramCredential[]
}

/** Users and rights: one store for Kafka, MQTT and later HTTP. */
export interface Security {
  /** Whether any user exists: an unauthenticated listener then needs `--insecure`. */
  readonly hasUsers: boolean
  /** Who an unauthenticated connection of an allowed listener speaks for. */
  readonly anonymous: Principal
  /** Checks a password against the stored SCRAM record; one key derivation at a time, off the loop. Null: refused, without saying why. */
  checkPassword(username: string, password: string): Promise<Principal | null>
  /** For a SCRAM exchange; undefined for an unknown user (the exchange then goes on with a made-up salt). */
  scramCredential(username: string, mechanism: ScramMechanism): ScramCredential | undefined
  /** The principal of a user who proved itself. */
  principalOf(username: string): Principal
  /**
   * Whether the principal may; administrators always, others what ACLs grant. Of an `mqtt-topic`: `write` and `read` of a
   * topic; `describe` of a filter asks whether anything that matches it might be read.
   */
  authorize(principal: Principal, operation: Operation, type: ResourceType, name: string): boolean
  /** Whether the principal may do this to at least one resource of the type (KIP-679). */
  authorizeAny(principal: Principal, operation: Operation, type: ResourceType): boolean
  /** The access control lists. */
  readonly acls: Acls
  readonly tokens: DelegationTokens
  /**
   * Somebody who proved itself by other means than a credential of ours: a certificate, a token. Null for the name of those who prove
   * nothing: nobody else may have their rights.
   */
  provenPrincipal(name: string): Principal | null
  /** All users, in the order they were made. */
  users(): Iterable<User>
  /**
   * Makes, changes and deletes credentials of a user: all of them or none (AlterUserScramCredentials; `scram.ts` makes the
   * credential of a salted password). The first credential makes the user, the last one takes it along. It holds when this
   * returns, and is durable when `onDone` is called (within the call only where it is refused). RESOURCE_NOT_FOUND for one
   * that is not there; UNACCEPTABLE_CREDENTIAL says why not, also where the last administrator would go.
   */
  alterCredentials(username: string, changes: CredentialChanges, onDone: (failed: Failure | null) => void): void
}

/** At most one change of each mechanism. */
export interface CredentialChanges {
  readonly put: readonly ScramCredential[]
  readonly remove: readonly ScramMechanism[]
}

/** The access control lists of all protocols: Kafka's, in Kafka's words. */
export interface Acls {
  /** All that the filter matches, grouped by resource. */
  matching(filter: AclFilter): Acl[]
  /**
   * Adds ACLs; those that are there already are left as they are. They hold when this returns, and are durable when `onDone`
   * is called, with one result for each in their order: null, INVALID_REQUEST, or why the disk refused.
   */
  create(acls: readonly Acl[], onDone: (results: readonly (Failure | null)[]) => void): void
  /** Removes what any filter matches, as `create`; per filter the ACLs that went, or why they did not. */
  delete(filters: readonly AclFilter[], onDone: (results: readonly (readonly Acl[] | Failure)[]) => void): void
}

/** A delegation token (KIP-48); times are wall-clock milliseconds, principals `User:alice`. */
export interface DelegationToken {
  readonly tokenId: string
  /** Whom it speaks for, and who asked for it. */
  readonly owner: string
  readonly requester: string
  readonly renewers: readonly string[]
  readonly issuedMs: number
  /** It cannot be renewed beyond this. */
  readonly maxMs: number
  readonly expiryMs: number
}

/** With what is its password. */
export interface IssuedToken extends DelegationToken {
  readonly hmac: Uint8Array
}

export interface TokenRequest extends Pick<DelegationToken, 'owner' | 'requester' | 'renewers'> {
  /** 0 or less: the broker's. */
  readonly maxLifetimeMs: number
}

/** What a login with a token is checked against. */
export interface TokenProof {
  readonly credential: ScramCredential
  readonly owner: string
  readonly expiresAtMs: number
}

/** Delegation tokens. Changes hold when a method returns, and are durable when it calls back. */
export interface DelegationTokens {
  create(request: TokenRequest, onDone: (result: IssuedToken | Failure) => void): void
  /** For the owner and the renewers, found by its HMAC: until when it is good now. `periodMs` 0 or less: the broker's. */
  renew(hmac: Uint8Array, principal: string, periodMs: number, onDone: (result: number | Failure) => void): void
  /** The same, but sets when it ends; negative: now. */
  expire(hmac: Uint8Array, principal: string, periodMs: number, onDone: (result: number | Failure) => void): void
  all(): Iterable<IssuedToken>
  /** Undefined for a token that is unknown or has expired. */
  prove(tokenId: string, mechanism: ScramMechanism): Promise<TokenProof | undefined>
}
