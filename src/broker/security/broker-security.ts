import type { LogStore } from '../../log/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'
import type { Failure } from '../errors.ts'
import { AclStore } from './acl-store.ts'
import { Authorizer } from './authorizer.ts'
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings, TokenStore } from './delegation-tokens.ts'
import type { MqttTopicMap } from './mqtt-rights.ts'
import type { Acls, CredentialChanges, Operation, Principal, ResourceType, ScramCredential, ScramMechanism, Security, User } from './ports.ts'
import { UserStore } from './user-store.ts'

export interface SecuritySettings {
  /** `super.users`: who may do everything, beside those made administrators. */
  readonly superUsers: readonly string[]
  /** `allow.everyone.if.no.acl.found`: what no ACL speaks of is open to every user. */
  readonly allowEveryone: boolean
  readonly maxUsers: number
  readonly maxAcls: number
  readonly tokens: TokenSettings
}

const DEFAULT_SECURITY_SETTINGS: SecuritySettings = {
  superUsers: [],
  allowEveryone: false,
  maxUsers: 100_000,
  maxAcls: 100_000,
  tokens: DEFAULT_TOKEN_SETTINGS,
}

/** Users and rights of all protocols. */
export class BrokerSecurity implements Security {
  readonly acls: Acls
  readonly tokens: TokenStore
  readonly #users: UserStore
  readonly #authorizer: Authorizer
  readonly #onRightsChanged: (() => void)[] = []

  /** Before `LogStore.open`. */
  constructor(log: LogStore, clock: Clock, random: Random, given: Partial<SecuritySettings> = {}) {
    const settings = { ...DEFAULT_SECURITY_SETTINGS, ...given }
    const changed = () => this.#changed()
    this.#users = new UserStore(log, random, settings, changed)
    const acls = new AclStore(log, settings.maxAcls, changed)
    this.acls = acls
    this.tokens = new TokenStore(log, clock, random, settings.tokens)
    this.#authorizer = new Authorizer(
      acls.index,
      (principal, operation, type) => settings.allowEveryone || (principal.name === this.anonymous.name && isOpenToAnybody(operation, type)),
    )
  }

  /** Calls `run` after any change of users or rights. */
  whenRightsChange(run: () => void): void {
    this.#onRightsChanged.push(run)
  }

  /** Which log topics MQTT topics are in. */
  mapMqttTopics(map: MqttTopicMap): void {
    this.#authorizer.mapMqttTopics(map)
  }

  get hasUsers(): boolean {
    return this.#users.hasUsers
  }

  get anonymous(): Principal {
    return this.#users.anonymous
  }

  users(): IterableIterator<User> {
    return this.#users.users()
  }

  checkPassword(username: string, password: string): Promise<Principal | null> {
    return this.#users.checkPassword(username, password)
  }

  scramCredential(username: string, mechanism: ScramMechanism): ScramCredential | undefined {
    return this.#users.scramCredential(username, mechanism)
  }

  principalOf(username: string): Principal {
    return this.#users.principalOf(username)
  }

  provenPrincipal(name: string): Principal | null {
    return this.#users.provenPrincipal(name)
  }

  alterCredentials(username: string, changes: CredentialChanges, onDone: (failed: Failure | null) => void): void {
    this.#users.alterCredentials(username, changes, onDone)
  }

  authorize(principal: Principal, operation: Operation, type: ResourceType, name: string): boolean {
    return this.#authorizer.authorize(principal, operation, type, name)
  }

  authorizeAny(principal: Principal, operation: Operation, type: Exclude<ResourceType, 'mqtt-topic'>): boolean {
    return this.#authorizer.authorizeAny(principal, operation, type)
  }

  #changed(): void {
    this.#authorizer.invalidate()
    for (const run of this.#onRightsChanged) run()
  }
}

/** What clients without a user may do on a listener that lets them in, where no ACL says otherwise: all but administer users and rights. */
function isOpenToAnybody(operation: Operation, type: ResourceType): boolean {
  return type !== 'user' && type !== 'delegation-token' && !(type === 'cluster' && operation === 'alter')
}
