import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Principal, ScramCredential, ScramMechanism } from '../../broker/security/ports.ts'
import { MIN_ITERATIONS } from '../../broker/security/scram.ts'
import type { SaslExchange, SaslParts, SaslStep } from './mechanism.ts'

/** The hash of each mechanism, and its length in bytes. */
const HASHES = {
  'SCRAM-SHA-256': { name: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { name: 'sha512', bytes: 64 },
} as const satisfies Record<ScramMechanism, { name: string; bytes: number }>

const NONCE_BYTES = 18
const REFUSED = 'Authentication failed during authentication due to invalid credentials with SASL mechanism'

/** n,a=authzid,m=ext,n=user,r=nonce,extensions: RFC 5802 section 7. */
const CLIENT_FIRST = /^(?<gs2>n,(?:a=(?<authzid>[^,]*))?,)(?<bare>n=(?<name>[^,]+),r=(?<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,(?<extensions>.*))?)$/s
/** The extension that says that the name is the id of a delegation token, the password its HMAC (KIP-48). */
const TOKEN_EXTENSION = 'tokenauth=true'
const CLIENT_FINAL = /^(?<withoutProof>c=(?<binding>[A-Za-z0-9+/=]+),r=(?<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[^p][^,]*)*),p=(?<proof>[A-Za-z0-9+/=]+)$/s

/** Who proves itself by the right answer. */
interface Subject {
  readonly principal: Principal
  /** Of a token, in wall-clock milliseconds. */
  readonly expiresAtMs?: number
}

/** What the exchange remembers between the client's two tokens. */
interface FirstHalf {
  /** Null for who is not known. */
  readonly subject: Subject | null
  readonly credential: ScramCredential
  readonly gs2Header: string
  readonly nonce: string
  readonly clientFirstBare: string
  readonly serverFirst: string
}

/** The server's side of SCRAM (RFC 5802, RFC 7677) without channel binding, as Kafka speaks it. */
export class ScramExchange implements SaslExchange {
  readonly #parts: SaslParts
  readonly #mechanism: ScramMechanism
  #first: FirstHalf | null = null

  constructor(parts: SaslParts, mechanism: ScramMechanism) {
    this.#parts = parts
    this.#mechanism = mechanism
  }

  step(token: Uint8Array): SaslStep | Promise<SaslStep> {
    const text = Buffer.from(token).toString('utf8')
    return this.#first === null ? this.#challenge(text) : this.#verify(text, this.#first)
  }

  #challenge(text: string): SaslStep | Promise<SaslStep> {
    const parts = CLIENT_FIRST.exec(text)?.groups
    if (parts === undefined) return failed('Invalid SCRAM client first message')
    const username = unescapeName(parts.name as string)
    if (username === null) return failed('Invalid SCRAM user name')
    const authorizationId = unescapeName(parts.authzid ?? '')
    // Nobody may act as somebody else.
    if (authorizationId === null || (authorizationId !== '' && authorizationId !== username)) return failed(`${REFUSED} ${this.#mechanism}`)
    if (parts.extensions?.split(',').includes(TOKEN_EXTENSION)) return this.#challengeToken(username, parts)
    const stored = this.#parts.security.scramCredential(username, this.#mechanism)
    return this.#answer(username, parts, stored === undefined ? null : { credential: stored, principal: this.#parts.security.principalOf(username) })
  }

  async #challengeToken(tokenId: string, parts: Readonly<Record<string, string | undefined>>): Promise<SaslStep> {
    const { security } = this.#parts
    const proof = await security.tokens.prove(tokenId, this.#mechanism)
    const owner = proof === undefined ? null : security.provenPrincipal(proof.owner.replace(/^User:/, ''))
    if (proof === undefined || owner === null) return this.#answer(tokenId, parts, null)
    const principal: Principal = {
      name: owner.name,
      byToken: true,
      get isAdministrator() {
        return owner.isAdministrator
      },
    }
    return this.#answer(tokenId, parts, { credential: proof.credential, principal, expiresAtMs: proof.expiresAtMs })
  }

  /** The server's first message; `known` null for a name that nobody has: nothing must tell it from one that somebody has. */
  #answer(username: string, parts: Readonly<Record<string, string | undefined>>, known: (Subject & { readonly credential: ScramCredential }) | null): SaslStep {
    const credential = known?.credential ?? this.#madeUp(username)
    const nonce = `${parts.nonce}${Buffer.from(this.#parts.random.bytes(NONCE_BYTES)).toString('base64url')}`
    const serverFirst = `r=${nonce},s=${Buffer.from(credential.salt).toString('base64')},i=${credential.iterations}`
    this.#first = {
      subject: known,
      credential,
      gs2Header: parts.gs2 as string,
      nonce,
      clientFirstBare: parts.bare as string,
      serverFirst,
    }
    return { outcome: 'continue', challenge: Buffer.from(serverFirst) }
  }

  #verify(text: string, first: FirstHalf): SaslStep {
    const parts = CLIENT_FINAL.exec(text)?.groups
    if (parts === undefined) return failed('Invalid SCRAM client final message')
    const bindingFits = Buffer.from(parts.binding as string, 'base64').toString('utf8') === first.gs2Header
    // librdkafka before 2.6.1 puts its own nonce before the whole one; Kafka takes that, too (`ScramSaslServer`).
    const nonceFits = (parts.nonce as string).endsWith(first.nonce)
    if (!nonceFits || !bindingFits) return failed(`${REFUSED} ${this.#mechanism}`)
    const hash = HASHES[this.#mechanism]
    const authMessage = `${first.clientFirstBare},${first.serverFirst},${parts.withoutProof}`
    const signature = createHmac(hash.name, first.credential.storedKey).update(authMessage).digest()
    const proof = Buffer.from(parts.proof as string, 'base64')
    const fits = proof.length === hash.bytes && provesKey(hash.name, xor(proof, signature), first.credential.storedKey)
    if (!fits || first.subject === null) return failed(`${REFUSED} ${this.#mechanism}`)
    const verifier = createHmac(hash.name, first.credential.serverKey).update(authMessage).digest('base64')
    const { principal, expiresAtMs } = first.subject
    const success = { outcome: 'success', challenge: Buffer.from(`v=${verifier}`), principal } as const
    return expiresAtMs === undefined ? success : { ...success, expiresAtMs }
  }

  /** For an unknown user: the same salt and iterations each time it is asked, so that nobody learns who exists, and keys that nothing proves. */
  #madeUp(username: string): ScramCredential {
    const { name, bytes } = HASHES[this.#mechanism]
    const salt = createHash('sha256').update(this.#parts.decoySeed).update(username).digest().subarray(0, 16)
    return {
      mechanism: this.#mechanism,
      salt,
      iterations: MIN_ITERATIONS,
      storedKey: createHash(name).update(salt).digest(),
      serverKey: new Uint8Array(bytes),
    }
  }
}

function provesKey(hash: string, clientKey: Uint8Array, storedKey: Uint8Array): boolean {
  const proven = createHash(hash).update(clientKey).digest()
  return proven.length === storedKey.length && timingSafeEqual(proven, storedKey)
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ (right[index] as number))
}

/** `=2C` is a comma, `=3D` an equals sign; any other `=` is an error. */
function unescapeName(name: string): string | null {
  if (/=(?!2C|3D)/.test(name)) return null
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

function failed(message: string): SaslStep {
  return { outcome: 'failure', message }
}
