import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose'

/** What a token must say, and where the keys are that sign it. */
export interface TokenRules {
  /** A set of JSON Web Keys: `https:`, `http:` or `file:`. */
  readonly keysUrl: string
  /** The keys are read anew after this, and when a token names one that is not known. */
  readonly keysRefreshMs: number
  /** `iss`; empty: any. */
  readonly issuer: string
  /** One of them must be in `aud`; none: any. */
  readonly audiences: readonly string[]
  /** The claim that names the user. */
  readonly subjectClaim: string
  readonly clockSkewS: number
}

export interface VerifiedToken {
  readonly subject: string
  /** Wall-clock milliseconds. */
  readonly expiresAtMs: number
}

/** Signatures by a private key alone: a shared secret, or none at all, signs nothing here. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** Between two reads of the keys that unknown key ids ask for. */
const COOLDOWN_MS = 30_000
const FETCH_TIMEOUT_MS = 5_000

/** Verifies JSON Web Tokens (RFC 7519); the clock is the machine's. */
export class TokenVerifier {
  readonly #rules: TokenRules
  readonly #keys: JWTVerifyGetKey

  private constructor(rules: TokenRules, keys: JWTVerifyGetKey) {
    this.#rules = rules
    this.#keys = keys
  }

  /** Keys of a file are read now: rejects with an Error that says what is wrong with them. Those of a server are fetched with the first token. */
  static async open(rules: TokenRules): Promise<TokenVerifier> {
    const url = new URL(rules.keysUrl)
    if (url.protocol === 'file:') return new TokenVerifier(rules, await fileKeys(fileURLToPath(url), rules.keysRefreshMs))
    const options = { cacheMaxAge: rules.keysRefreshMs, cooldownDuration: COOLDOWN_MS, timeoutDuration: FETCH_TIMEOUT_MS }
    return new TokenVerifier(rules, createRemoteJWKSet(url, options))
  }

  /** Whom the token is about, and until when; or in words for the log why it is not valid. */
  async verify(token: string): Promise<VerifiedToken | string> {
    const { issuer, audiences, subjectClaim, clockSkewS } = this.#rules
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        algorithms: ALGORITHMS,
        clockTolerance: clockSkewS,
        requiredClaims: ['exp', 'iat', subjectClaim],
        ...(issuer === '' ? {} : { issuer }),
        ...(audiences.length === 0 ? {} : { audience: [...audiences] }),
      })
      const subject = payload[subjectClaim]
      if (typeof subject !== 'string' || subject.trim() === '') return `the claim "${subjectClaim}" is no name`
      return { subject, expiresAtMs: (payload.exp as number) * 1_000 }
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return error.message
      throw error
    }
  }
}

/** Keys of a file, which are read anew when they are old, or when a token names one that is not there. */
async function fileKeys(file: string, refreshMs: number): Promise<JWTVerifyGetKey> {
  let keys = await readKeys(file)
  let readAtMs = performance.now()
  const reread = async (): Promise<void> => {
    readAtMs = performance.now()
    keys = await readKeys(file)
  }
  return async (header, token) => {
    const ageMs = performance.now() - readAtMs
    // A file that was half written, or is gone, leaves the former keys in use.
    if (ageMs > refreshMs) await reread().catch(() => {})
    try {
      return await keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || ageMs < COOLDOWN_MS) throw error
      await reread().catch(() => {})
      return keys(header, token)
    }
  }
}

async function readKeys(file: string): Promise<JWTVerifyGetKey> {
  return createLocalJWKSet(JSON.parse(await readFile(file, 'utf8')) as JSONWebKeySet)
}
