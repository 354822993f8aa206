import type { Security } from '../../broker/security/ports.ts'
import type { SaslExchange, SaslParts, SaslStep } from './mechanism.ts'

const NOTHING = new Uint8Array(0)
const REFUSED = 'Authentication failed: Invalid username or password'

/** PLAIN (RFC 4616): one token, `authzid NUL username NUL password` in UTF-8. */
export class PlainExchange implements SaslExchange {
  readonly #security: Security

  constructor(parts: SaslParts) {
    this.#security = parts.security
  }

  async step(token: Uint8Array): Promise<SaslStep> {
    const parts = Buffer.from(token).toString('utf8').split('\0')
    const [authorizationId, username, password] = parts
    if (parts.length !== 3 || authorizationId === undefined || username === undefined || password === undefined) {
      return { outcome: 'failure', message: 'Invalid SASL/PLAIN response: expected 3 tokens' }
    }
    if (username === '' || password === '') return { outcome: 'failure', message: 'Authentication failed: username or password is empty' }
    // Nobody may act as somebody else.
    if (authorizationId !== '' && authorizationId !== username) {
      return { outcome: 'failure', message: 'Authentication failed: Client requested an authorization id that is different from username' }
    }
    const principal = await this.#security.checkPassword(username, password)
    return principal === null ? { outcome: 'failure', message: REFUSED } : { outcome: 'success', challenge: NOTHING, principal }
  }
}
