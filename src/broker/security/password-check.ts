import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../runtime/random.ts'
import { OneAtATime } from '../../util/one-at-a-time.ts'
import type { ScramCredential } from './ports.ts'
import { MIN_ITERATIONS, provesCredential, saltPassword } from './scram.ts'

export interface PasswordCheckLimits {
  /** Verified passwords remembered, so that a storm of reconnects derives no keys. */
  readonly maxVerified: number
  /** Checks that wait for their turn; further ones are refused at once. */
  readonly maxWaiting: number
}

const PASSWORD_CHECK_LIMITS: PasswordCheckLimits = { maxVerified: 10_000, maxWaiting: 1_000 }

/**
 * Checks passwords against SCRAM credentials, one key derivation at a time: PBKDF2 shares libuv's threads with the
 * journal's fdatasync, and sixteen logins at once made a commit forty times slower.
 */
export class PasswordCheck {
  readonly #limits: PasswordCheckLimits
  /** Keys the memory of verified passwords: it never leaves the process, nor do the passwords stay in it. */
  readonly #key: Uint8Array
  readonly #decoy: ScramCredential
  /** Username to HMAC of the password that was right; in order of use. */
  readonly #verified = new Map<string, { readonly credential: ScramCredential; readonly mac: Buffer }>()
  readonly #turns: OneAtATime

  constructor(random: Random, limits: PasswordCheckLimits = PASSWORD_CHECK_LIMITS) {
    this.#limits = limits
    this.#turns = new OneAtATime(limits.maxWaiting)
    this.#key = random.bytes(32)
    this.#decoy = {
      mechanism: 'SCRAM-SHA-256',
      salt: random.bytes(24),
      iterations: MIN_ITERATIONS,
      storedKey: random.bytes(32),
      serverKey: random.bytes(32),
    }
  }

  /** Whether the password is the credential's. An unknown user (undefined) costs the same time and is always refused. */
  async check(username: string, password: string, credential: ScramCredential | undefined): Promise<boolean> {
    const mac = createHmac('sha256', this.#key).update(`${username}\0${password}`).digest()
    if (this.#isVerified(username, credential, mac)) return true
    if (this.#turns.isFull) return false
    const target = credential ?? this.#decoy
    return this.#turns.run(async () => {
      // Another connection of a storm may have been through meanwhile.
      if (this.#isVerified(username, credential, mac)) return true
      const salted = await saltPassword(target.mechanism, password, target.salt, target.iterations)
      if (!provesCredential(target, salted) || credential === undefined) return false
      this.#remember(username, { credential, mac })
      return true
    })
  }

  #isVerified(username: string, credential: ScramCredential | undefined, mac: Buffer): boolean {
    const known = this.#verified.get(username)
    if (known === undefined || known.credential !== credential || !timingSafeEqual(known.mac, mac)) return false
    this.#remember(username, known)
    return true
  }

  #remember(username: string, entry: { readonly credential: ScramCredential; readonly mac: Buffer }): void {
    this.#verified.delete(username)
    this.#verified.set(username, entry)
    if (this.#verified.size <= this.#limits.maxVerified) return
    const oldest = this.#verified.keys().next()
    if (!oldest.done) this.#verified.delete(oldest.value)
  }
}
