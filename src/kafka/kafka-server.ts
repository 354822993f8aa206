import type { Principal } from '../broker/security/ports.ts'
import type { Connection, ConnectionHandler } from '../net/connection.ts'
import { Listener, type ListenerParts, type ListenerSettings } from '../net/listener.ts'
import type { TlsFiles } from '../net/tls-files.ts'
import type { HostPort } from '../runtime/network.ts'
import { KAFKA_APIS } from './apis.ts'
import { KafkaConnection } from './connection.ts'
import { FetchMemory } from './fetch-memory.ts'
import type { KafkaBroker } from './handler.ts'
import { PartialFrames } from './partial-frames.ts'
import { RefusedConnection } from './refused-connection.ts'
import { Authentication, type SaslPolicy } from './sasl/authentication.ts'
import { DEFAULT_SASL_OFFER, type SaslOffer, type SaslParts } from './sasl/mechanism.ts'

/** One address that Kafka clients connect to. */
export interface KafkaListenerSettings {
  /** `localhost` is IPv4 and IPv6; port 0 lets the system choose. */
  readonly address: HostPort
  /** What Metadata tells clients to connect to; null for the address each of them connected to. */
  readonly advertised: HostPort | null
  readonly sasl: SaslPolicy
  /** Left out: `DEFAULT_SASL_OFFER`. */
  readonly saslOffer?: SaslOffer
  /** TLS comes first; left out: none. */
  readonly tls?: TlsFiles | null
  /** Who a verified certificate, in DER, speaks for; null: nobody, and the connection ends. */
  readonly principalOf?: (certificate: Uint8Array) => Principal | null
}

const NOBODYS_CERTIFICATE = 'no rule of ssl.principal.mapping.rules applies to the certificate of the client'

/** The Kafka protocol on one listener. */
export class KafkaServer {
  readonly #broker: KafkaBroker
  readonly #parts: ListenerParts
  readonly #settings: KafkaListenerSettings
  readonly #listener: Listener
  readonly #sasl: SaslParts
  readonly #partialFrames: PartialFrames
  readonly #fetchMemory: FetchMemory

  constructor(broker: KafkaBroker, parts: ListenerParts, settings: KafkaListenerSettings, limits: ListenerSettings) {
    this.#broker = broker
    this.#parts = parts
    this.#settings = settings
    const { security, random, clock } = broker
    this.#sasl = { security, random, clock, offer: settings.saslOffer ?? DEFAULT_SASL_OFFER, decoySeed: random.bytes(32) }
    // One request of the largest size must always fit.
    this.#partialFrames = new PartialFrames(Math.max(broker.settings.maxPartialFrameBytes, broker.settings.maxRequestBytes))
    this.#listener = new Listener(parts, limits, (connection) => this.#accept(connection), settings.tls ?? null)
    this.#fetchMemory = new FetchMemory(broker.settings.maxFetchMemoryBytes, () => this.#listener.output.bytes)
  }

  /** Accepts clients from now on; answers the address with the port that was chosen. Rejects with the system's error. */
  listen(): Promise<HostPort> {
    return this.#listener.listen(this.#settings.address)
  }

  get connectionCount(): number {
    return this.#listener.connectionCount
  }

  /** Bytes of requests that have not arrived in full. */
  get partialFrameBytes(): number {
    return this.#partialFrames.totalBytes
  }

  /** Bytes read for Fetch answers that are not with a connection yet. */
  get fetchReservedBytes(): number {
    return this.#fetchMemory.reservedBytes
  }

  /** Closes the listener and all connections. Closing twice is fine. */
  close(): Promise<void> {
    return this.#listener.close()
  }

  #accept(connection: Connection): ConnectionHandler {
    const { throttle, clock } = this.#broker
    const waitMs = throttle.active ? throttle.chargeConnection(connection.remoteAddress) : 0
    if (waitMs > 0) return new RefusedConnection(connection, clock, waitMs)
    const advertised = this.#settings.advertised ?? { host: connection.localAddress, port: connection.localPort }
    const proven = this.#provenPrincipal(connection)
    if (proven === null && connection.peerCertificate !== null) connection.destroy(NOBODYS_CERTIFICATE)
    const authentication = new Authentication(this.#sasl, this.#settings.sasl, connection.remoteAddress, proven)
    const parts = { broker: this.#broker, apis: KAFKA_APIS, logger: this.#parts.logger, partialFrames: this.#partialFrames, fetchMemory: this.#fetchMemory }
    return new KafkaConnection(connection, parts, authentication, advertised)
  }

  /** By the certificate the client showed, if any. */
  #provenPrincipal({ peerCertificate }: Connection): Principal | null {
    return peerCertificate === null ? null : (this.#settings.principalOf?.(peerCertificate) ?? null)
  }
}
