import type { LogStore, StateMachine } from '../../log/ports.ts'
import type { Random } from '../../runtime/random.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { PasswordCheck } from './password-check.ts'
import type { CredentialChanges, Principal, ScramCredential, ScramMechanism, Security, User } from './ports.ts'
import { MAX_ITERATIONS, MIN_ITERATIONS } from './scram.ts'

/** What is remembered of a user: the value of its state record, as JSON; bytes in base64. */
interface UserRecord {
  readonly administrator: boolean
  readonly credentials: readonly { mechanism: ScramMechanism; salt: string; iterations: number; storedKey: string; serverKey: string }[]
}

export interface UserStoreSettings {
  /** `super.users`: who may do everything, beside those made administrators. */
  readonly superUsers: readonly string[]
  readonly maxUsers: number
}

const MAX_NAME_BYTES = 255
/** Clients without a user (Kafka's name for them). */
const ANONYMOUS = 'ANONYMOUS'

/** The users' half of `Security`. */
type Users = Pick<Security, 'hasUsers' | 'anonymous' | 'users' | 'checkPassword' | 'scramCredential' | 'principalOf' | 'alterCredentials'>

/**
 * All users as SCRAM credentials, in the coordinator's log: Kafka's PLAIN and SCRAM and MQTT's passwords are checked
 * against the same records. The first user made is administrator; others have nothing until granted.
 */
export class UserStore implements Users, StateMachine {
  readonly kind = STATE_KINDS.user
  readonly #log: LogStore
  readonly #settings: UserStoreSettings
  readonly #onChanged: () => void
  readonly #passwords: PasswordCheck
  readonly #users = new Map<string, User>()
  /** May do everything as long as there is no user; an unauthenticated listener that is allowed afterwards serves all but the administration of users. */
  readonly anonymous: Principal

  /** Before `LogStore.open`. `onChanged` is called after every change, also of one that the disk refused. */
  constructor(log: LogStore, random: Random, settings: UserStoreSettings, onChanged: () => void = () => {}) {
    this.#log = log
    this.#settings = settings
    this.#onChanged = onChanged
    this.#passwords = new PasswordCheck(random)
    const users = this.#users
    this.anonymous = {
      name: `User:${ANONYMOUS}`,
      get isAdministrator() {
        return users.size === 0
      },
    }
    log.register(this)
  }

  get hasUsers(): boolean {
    return this.#users.size > 0
  }

  users(): IterableIterator<User> {
    return this.#users.values()
  }

  async checkPassword(username: string, password: string): Promise<Principal | null> {
    const user = this.#users.get(username)
    const right = await this.#passwords.check(username, password, user?.credentials[0])
    return right ? this.principalOf(username) : null
  }

  scramCredential(username: string, mechanism: ScramMechanism): ScramCredential | undefined {
    return this.#users.get(username)?.credentials.find((credential) => credential.mechanism === mechanism)
  }

  principalOf(username: string): Principal {
    const store = this
    return {
      name: `User:${username}`,
      get isAdministrator() {
        return store.#isAdministrator(username)
      },
    }
  }

  /** Null for the name of those who prove nothing. */
  provenPrincipal(name: string): Principal | null {
    if (name === ANONYMOUS) return null
    const store = this
    return {
      name: `User:${name}`,
      get isAdministrator() {
        return store.#users.get(name)?.administrator === true || store.#settings.superUsers.includes(name)
      },
    }
  }

  alterCredentials(username: string, { put, remove }: CredentialChanges, onDone: (failed: Failure | null) => void): void {
    const before = this.#users.get(username)
    const refused = this.#refuse(username, put) ?? this.#refuseRemoval(username, remove)
    if (refused !== null) {
      onDone(refused)
      return
    }
    const changed = new Set([...put.map(({ mechanism }) => mechanism), ...remove])
    const others = before?.credentials.filter(({ mechanism }) => !changed.has(mechanism)) ?? []
    const credentials = [...others, ...put].sort((left, right) => (left.mechanism < right.mechanism ? -1 : 1))
    if (credentials.length === 0 && this.#isLastAdministrator(username)) {
      const why = 'is the last administrator; make another one first (super.users), or nobody could administer users'
      onDone(failure(ERRORS.unacceptableCredential, `"${username}" ${why}`))
      return
    }
    this.#change({ name: username, administrator: before?.administrator ?? !this.hasUsers, credentials }, before, onDone)
  }

  apply(name: string, value: Uint8Array | null): void {
    if (value === null) this.#users.delete(name)
    else this.#users.set(name, decode(name, value))
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const user of this.#users.values()) yield [user.name, encode(user)]
  }

  #isAdministrator(username: string): boolean {
    const user = this.#users.get(username)
    return user !== undefined && (user.administrator || this.#settings.superUsers.includes(username))
  }

  #isLastAdministrator(username: string): boolean {
    if (!this.#isAdministrator(username)) return false
    for (const name of this.#users.keys()) {
      if (name !== username && this.#isAdministrator(name)) return false
    }
    return true
  }

  #refuse(username: string, put: readonly ScramCredential[]): Failure | null {
    const bytes = Buffer.byteLength(username)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    if (bytes === 0 || bytes > MAX_NAME_BYTES || /[\u0000-\u001f\u007f]/.test(username)) {
      return failure(ERRORS.unacceptableCredential, `a user name has 1 to ${MAX_NAME_BYTES} bytes and no control characters`)
    }
    if (username === ANONYMOUS) return failure(ERRORS.unacceptableCredential, 'the name ANONYMOUS is that of clients without a user')
    for (const { iterations } of put) {
      if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
        return failure(ERRORS.unacceptableCredential, `iterations are ${MIN_ITERATIONS} to ${MAX_ITERATIONS}, not ${iterations}`)
      }
    }
    if (put.length > 0 && !this.#users.has(username) && this.#users.size >= this.#settings.maxUsers) {
      return failure(ERRORS.unacceptableCredential, `there are ${this.#users.size} users, as many as the broker holds`)
    }
    return null
  }

  #refuseRemoval(username: string, remove: readonly ScramMechanism[]): Failure | null {
    const missing = remove.find((mechanism) => this.scramCredential(username, mechanism) === undefined)
    return missing === undefined ? null : failure(ERRORS.resourceNotFound, `there is no ${missing} credential of a user "${username}"`)
  }

  /** Changes memory at once, and back where the log refuses. */
  #change(user: User, before: User | undefined, onDone: (failed: Failure | null) => void): void {
    const gone = user.credentials.length === 0
    if (gone) this.#users.delete(user.name)
    else this.#users.set(user.name, user)
    this.#onChanged()
    this.#log.append({
      batches: [],
      state: [{ kind: this.kind, key: user.name, value: gone ? null : encode(user) }],
      durability: 'durable',
      onDone: (failed) => {
        if (failed === null) {
          onDone(null)
          return
        }
        if (before === undefined) this.#users.delete(user.name)
        else this.#users.set(user.name, before)
        this.#onChanged()
        onDone(failure(ERRORS.kafkaStorageError, failed.message))
      },
    })
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const bytesOf = (words: string): Uint8Array => Buffer.from(words, 'base64')

function encode(user: User): Uint8Array {
  const credentials = user.credentials.map(({ mechanism, salt, iterations, storedKey, serverKey }) => ({
    mechanism,
    salt: base64(salt),
    iterations,
    storedKey: base64(storedKey),
    serverKey: base64(serverKey),
  }))
  const record: UserRecord = { administrator: user.administrator, credentials }
  return Buffer.from(JSON.stringify(record))
}

function decode(name: string, value: Uint8Array): User {
  const record = JSON.parse(Buffer.from(value).toString()) as UserRecord
  const credentials = record.credentials.map(({ mechanism, salt, iterations, storedKey, serverKey }) => ({
    mechanism,
    salt: bytesOf(salt),
    iterations,
    storedKey: bytesOf(storedKey),
    serverKey: bytesOf(serverKey),
  }))
  return { name, administrator: record.administrator, credentials }
}
