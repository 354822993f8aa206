import type { LogFailure, LogStore, StateMachine, StateRecord } from '../../log/ports.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { type Acl, type AclFilter, aclOfKey, filterMatchesAcl, keyOfAcl } from './acl.ts'
import { AclIndex } from './acl-index.ts'
import type { Acls } from './ports.ts'

/** Kafka's only name of the cluster as a resource. */
const CLUSTER_NAME = 'kafka-cluster'
const MAX_TEXT_BYTES = 4_096
/** The value of the state record of an ACL that is there: its key says everything. */
const PRESENT = Buffer.from('1')

/** The access control lists of the broker, in the coordinator's log: one record each. */
export class AclStore implements Acls, StateMachine {
  readonly kind = STATE_KINDS.acl
  readonly index = new AclIndex()
  readonly #log: LogStore
  readonly #maxAcls: number
  readonly #onChanged: () => void
  /** What a start would find: memory is ahead of it while a change is under way. */
  readonly #durable = new Set<string>()
  /** Changes that the disk has yet to confirm, by ACL. */
  readonly #underWay = new Map<string, number>()
  #lastCommit: Promise<void> = Promise.resolve()

  /** Before `LogStore.open`. `onChanged` is called after every change, also of one that the disk refused. */
  constructor(log: LogStore, maxAcls: number, onChanged: () => void) {
    this.#log = log
    this.#maxAcls = maxAcls
    this.#onChanged = onChanged
    log.register(this)
  }

  matching(filter: AclFilter): Acl[] {
    return [...this.index.all()].filter((acl) => filterMatchesAcl(filter, acl))
  }

  create(acls: readonly Acl[], onDone: (results: readonly (Failure | null)[]) => void): void {
    const accepted = new Map<string, Acl>()
    const results = acls.map((acl) => {
      const refused = this.#refuse(acl, accepted)
      if (refused === null) accepted.set(keyOfAcl(acl), acl)
      return refused
    })
    for (const acl of accepted.values()) this.index.add(acl)
    // Also those that are there already: what is answered may rest on a change that is not durable yet.
    this.#commit([...accepted.keys()], PRESENT, (failed) => onDone(failed === null ? results : results.map((result) => result ?? failed)))
  }

  delete(filters: readonly AclFilter[], onDone: (results: readonly (readonly Acl[] | Failure)[]) => void): void {
    const results = filters.map((filter) => this.matching(filter))
    const removed = new Set(results.flat().map(keyOfAcl))
    for (const key of removed) this.index.remove(key)
    this.#commit([...removed], null, (failed) => onDone(failed === null ? results : results.map(() => failed)))
  }

  apply(key: string, value: Uint8Array | null): void {
    this.#settle(key, value !== null)
    this.#show(key, value !== null)
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const key of this.index.keys()) yield [key, PRESENT]
  }

  /** Writes what was changed in memory already; where the disk refuses, memory goes back to what is durable. */
  #commit(keys: readonly string[], value: Uint8Array | null, onDone: (failed: Failure | null) => void): void {
    if (keys.length === 0) {
      // Nothing is there to be removed, perhaps since a removal is under way; a disk that failed may still hold an ACL that was refused.
      void this.#lastCommit.then(() => this.#log.append({ batches: [], state: [], durability: 'durable', onDone: (failed) => onDone(answerOf(failed)) }))
      return
    }
    for (const key of keys) this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1)
    this.#onChanged()
    const committed = Promise.withResolvers<void>()
    this.#lastCommit = committed.promise
    this.#log.append({
      batches: [],
      state: keys.map((key): StateRecord => ({ kind: this.kind, key, value })),
      durability: 'durable',
      onDone: (failed) => {
        for (const key of keys) {
          if (failed === null) this.#settle(key, value !== null)
          this.#finish(key)
        }
        if (failed !== null) this.#onChanged()
        onDone(answerOf(failed))
        committed.resolve()
      },
    })
  }

  /** After the last change of an ACL that was under way, memory is what a start would find. */
  #finish(key: string): void {
    const left = (this.#underWay.get(key) ?? 1) - 1
    if (left > 0) {
      this.#underWay.set(key, left)
      return
    }
    this.#underWay.delete(key)
    this.#show(key, this.#durable.has(key))
  }

  #settle(key: string, exists: boolean): void {
    if (exists) this.#durable.add(key)
    else this.#durable.delete(key)
  }

  #show(key: string, exists: boolean): void {
    if (!exists) this.index.remove(key)
    else if (!this.index.has(key)) this.index.add(aclOfKey(key))
  }

  /** Kafka's `AclControlManager.validateNewAcl` and `AclApis.handleCreateAcls`, as far as types leave anything to be wrong. */
  #refuse(acl: Acl, accepted: ReadonlyMap<string, Acl>): Failure | null {
    const { resourceType, resourceName, principal, host } = acl
    if (resourceType === 'cluster' && resourceName !== CLUSTER_NAME) return invalid(`The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`)
    if (resourceName === '') return invalid('Invalid empty resource name')
    if (host === '') return invalid('Invalid empty host')
    if (!principal.includes(':')) {
      return invalid(`Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`)
    }
    if ([resourceName, principal, host].some((text) => Buffer.byteLength(text) > MAX_TEXT_BYTES)) {
      return invalid(`a name, principal or host has at most ${MAX_TEXT_BYTES} bytes`)
    }
    if (this.index.size + accepted.size < this.#maxAcls || this.index.has(keyOfAcl(acl))) return null
    return failure(ERRORS.policyViolation, `there are ${this.index.size} ACLs, as many as the broker holds`)
  }
}

function invalid(message: string): Failure {
  return failure(ERRORS.invalidRequest, message)
}

function answerOf(failed: LogFailure | null): Failure | null {
  return failed === null ? null : failure(ERRORS.kafkaStorageError, failed.message)
}
