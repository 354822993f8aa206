import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { ScramCredential, ScramMechanism } from './ports.ts'

const derive = promisify(pbkdf2)

/** What each mechanism is made of (RFC 5802, RFC 7677). */
const HASHES: Record<ScramMechanism, { readonly name: string; readonly bytes: number }> = {
  'SCRAM-SHA-256': { name: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { name: 'sha512', bytes: 64 },
}

export const SCRAM_MECHANISMS: readonly ScramMechanism[] = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** Kafka's bounds (`ScramMechanism.minIterations`, `ScramControlManager.MAX_ITERATIONS`). */
export const MIN_ITERATIONS = 4096
export const MAX_ITERATIONS = 16_384

/**
 * `SaltedPassword` of RFC 5802: PBKDF2, on a thread of libuv's pool. Callers see to it that one runs at a time. The password
 * is its UTF-8 as it is: like Kafka's (`ScramFormatter.normalize`), and unlike the RFC, it is not prepared.
 */
export function saltPassword(mechanism: ScramMechanism, password: string, salt: Uint8Array, iterations: number): Promise<Buffer> {
  const hash = HASHES[mechanism]
  return derive(password, salt, iterations, hash.bytes, hash.name)
}

/** The stored half of a credential: what proves a password without holding it. */
export function credentialOf(mechanism: ScramMechanism, saltedPassword: Uint8Array, salt: Uint8Array, iterations: number): ScramCredential {
  const hash = HASHES[mechanism].name
  const clientKey = createHmac(hash, saltedPassword).update('Client Key').digest()
  return {
    mechanism,
    salt,
    iterations,
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, saltedPassword).update('Server Key').digest(),
  }
}

/** Whether a salted password belongs to the credential; in constant time. */
export function provesCredential(credential: ScramCredential, saltedPassword: Uint8Array): boolean {
  const given = credentialOf(credential.mechanism, saltedPassword, credential.salt, credential.iterations)
  return timingSafeEqual(given.serverKey, credential.serverKey)
}

/** How many bytes a salted password of the mechanism has. */
export function saltedPasswordBytes(mechanism: ScramMechanism): number {
  return HASHES[mechanism].bytes
}
