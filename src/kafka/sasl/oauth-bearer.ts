import type { BearerTokens, SaslExchange, SaslStep } from './mechanism.ts'

const NOTHING = new Uint8Array(0)
const INVALID_TOKEN = '{"status":"invalid_token"}'
const MALFORMED = 'Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER'
/** What a client says to an error that it was told (RFC 7628, section 3.2.3). */
const ACKNOWLEDGED = 0x01
const MAX_TOKEN_LENGTH = 65_536

/** Ends the header and every pair of the client's token (RFC 7628, section 3.1). */
const SEPARATOR = '\u0001'
const HEADER = /^n,(?:a=(?<authzid>(?:[^,=]|=2C|=3D)+))?,$/
const PAIR = /^[A-Za-z]+=[\s!-~]+$/
const AUTH = /^(?<scheme>\w+) +(?<token>[-_~+/.a-zA-Z0-9]+=*)$/

/**
 * OAUTHBEARER (RFC 7628, KIP-255, KIP-768): one token of the client, a JWT. One that is not valid is answered with an error in JSON, which
 * the client acknowledges before it is refused. Extensions are read and make no difference.
 */
export class OAuthBearerExchange implements SaslExchange {
  readonly #tokens: BearerTokens
  #refused = false

  constructor(tokens: BearerTokens) {
    this.#tokens = tokens
  }

  async step(bytes: Uint8Array): Promise<SaslStep> {
    if (this.#refused) return failed(bytes.length === 1 && bytes[0] === ACKNOWLEDGED ? INVALID_TOKEN : MALFORMED)
    const first = parse(Buffer.from(bytes).toString('utf8'))
    if (first === null) return failed(MALFORMED)
    const verified = await this.#tokens.verify(first.token)
    if (verified === null) {
      this.#refused = true
      return { outcome: 'continue', challenge: Buffer.from(INVALID_TOKEN) }
    }
    const { principal, expiresAtMs } = verified
    // Nobody may act as somebody else.
    if (first.authorizationId !== '' && `User:${first.authorizationId}` !== principal.name) {
      return failed(`Authentication failed: Client requested an authorization id (${first.authorizationId}) that is different from the token's principal name`)
    }
    return { outcome: 'success', challenge: NOTHING, principal, expiresAtMs }
  }
}

/** The token and for whom it is to be used; null where it is none: a header, pairs, and one separator more. */
function parse(text: string): { readonly token: string; readonly authorizationId: string } | null {
  const [header = '', ...pairs] = text.split(SEPARATOR)
  const gs2 = HEADER.exec(header)?.groups
  if (gs2 === undefined || pairs.pop() !== '' || pairs.pop() !== '' || !pairs.every((pair) => PAIR.test(pair))) return null
  const auth = pairs.find((pair) => pair.startsWith('auth='))?.slice('auth='.length)
  const bearer = auth === undefined ? undefined : AUTH.exec(auth)?.groups
  if (bearer?.scheme?.toLowerCase() !== 'bearer' || bearer.token === undefined || bearer.token.length > MAX_TOKEN_LENGTH) return null
  return { token: bearer.token, authorizationId: (gs2.authzid ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=') }
}

function failed(message: string): SaslStep {
  return { outcome: 'failure', message }
}
