import type { Security } from './broker/security/ports.ts'
import { isLoopback, type ListenerAddress } from './config/listener-address.ts'
import type { Settings } from './config/settings.ts'

/** Secure by default: which listeners serve clients without a password (docs/internals/decisions/0003-users-before-acls.md). */
export class Access {
  readonly #settings: Settings
  readonly #security: Pick<Security, 'hasUsers'>

  constructor(settings: Settings, security: Pick<Security, 'hasUsers'>) {
    this.#settings = settings
    this.#security = security
  }

  /** On loopback until there is a user; elsewhere only where `insecure.listeners` says so. Asked anew for every connection. */
  mayBeAnonymous(address: ListenerAddress): boolean {
    if (this.#isSaidInsecure(address)) return true
    return isLoopback(address.host) && !this.#security.hasUsers
  }

  /** Null, or why this broker must not start: a listener that others can reach, where nobody could prove who he is. */
  openDoor(): string | null {
    if (this.#security.hasUsers) return null
    const listeners = [...this.#settings['kafka.listeners'], ...this.#settings['mqtt.listeners']]
    const open = listeners.find((address) => !isLoopback(address.host) && !this.#isSaidInsecure(address) && !this.#wantsProof(address))
    if (open === undefined) return null
    return (
      `${open.text} can be reached from other machines, and there are no users yet, so that anybody could do anything. ` +
      `Make a user first (start on localhost, then: elytra user add NAME), or say --insecure ${open.text}`
    )
  }

  #isSaidInsecure(address: ListenerAddress): boolean {
    return this.#settings['insecure.listeners'].includes(address.text)
  }

  /** Whether clients prove who they are by something else than a password. */
  #wantsProof(address: ListenerAddress): boolean {
    const takesTokens = this.#settings['sasl.oauthbearer.jwks.endpoint.url'] !== '' && this.#settings['kafka.listeners'].includes(address)
    return takesTokens || this.#wantsCertificate(address)
  }

  /** Clients without a certificate do not get past the handshake. */
  #wantsCertificate(address: ListenerAddress): boolean {
    const index = this.#settings['tls.listeners'].indexOf(address.text)
    const auth = this.#settings['ssl.client.auth']
    return index >= 0 && (auth.length === 1 ? auth[0] : auth[index]) === 'required'
  }
}
