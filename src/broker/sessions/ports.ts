import type { Failure } from '../errors.ts'
import type { Principal } from '../security/ports.ts'

export type QoS = 0 | 1 | 2

/** What an MQTT 5 PUBLISH can carry beside topic and payload; every field is absent where the publisher did not set it. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: 0 | 1
  /** Seconds the message may still live, counted from its record's timestamp. */
  readonly messageExpiryS?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  /** In the publisher's order; names repeat. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
}

/** An application message as the core sees it, whoever published it. */
export interface Message {
  /** The full MQTT topic, without alias. */
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  /** Null where there are none: the common case costs nothing. */
  readonly properties: MessageProperties | null
  /**
   * With QoS 0 without properties: the whole PUBLISH packet as it came in (flags, length, topic, payload; the same bytes in
   * 3.1, 3.1.1; in 5.0 with a property length of 0), so that it can be forwarded without encoding it again. Null otherwise.
   */
  readonly packet: Uint8Array | null
  /** The protocol level `packet` is encoded for. */
  readonly packetLevel: ProtocolLevel
}

/** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolLevel = 3 | 4 | 5

/** A message on its way to one client. */
export interface Delivery {
  readonly message: Message
  /** min(message, subscription), or the message's where `upgrade_outgoing_qos`. */
  readonly qos: QoS
  /** RETAIN of the outgoing packet: a retained message sent on subscribing, or retain as published. */
  readonly retain: boolean
  /** The name it is delivered under; differs from the message's only for `$replay/…`. */
  readonly topic: string
  /** Subscription identifiers of all matching subscriptions of this copy. */
  readonly subscriptionIds: readonly number[]
  /** Seconds left of its expiry now; absent where it has none. */
  readonly expiryLeftS: number | undefined
}

/** The socket's half of a session: implemented by mqtt/connection, owned by it, forgotten by the session when it closes. */
export interface SessionClient {
  readonly level: ProtocolLevel
  /** How many QoS 1 and 2 messages the client takes unacknowledged (1..65,535). */
  readonly receiveMaximum: number
  /** The largest packet the client takes, in bytes; a larger PUBLISH is dropped as if sent [MQTT-3.1.2-25]. */
  readonly maximumPacketSize: number
  /** True while more output waits on the socket than its bound: QoS 0 is dropped and counted, the rest stays in the log until `session.writable()`. */
  readonly congested: boolean
  /** Encodes and queues one PUBLISH; written to the socket at the end of the turn. Packet id 0 for QoS 0. Answers whether it fitted `maximumPacketSize`. */
  sendPublish(delivery: Delivery, packetId: number, dup: boolean): boolean
  /** Queues whole packets already encoded for this client's level (a run of QoS 0 messages as it came in). */
  sendPackets(bytes: Uint8Array): void
  sendPubrel(packetId: number): void
  /** DISCONNECT with the reason (5.0) or a plain close; the session was already detached. */
  close(reason: DisconnectReason, message: string): void
}

/** A DISCONNECT reason code of MQTT 5 that the broker sends. */
type DisconnectReason = number

/** CONNECT, as far as it concerns the session. */
export interface ConnectRequest {
  /** Empty: the session makes one up (level 5, or clean). */
  readonly clientId: string
  readonly level: ProtocolLevel
  readonly cleanStart: boolean
  /** Seconds; 0 ends with the connection, 0xffffffff never. For 3.x: 0 where clean, else the configured expiry. */
  readonly sessionExpiryS: number
  readonly will: Will | null
  readonly principal: Principal
}

export interface Will {
  readonly message: Message
  /** Seconds. */
  readonly delayS: number
}

/** One subscription as asked for in SUBSCRIBE. */
export interface SubscribeRequest {
  /** The filter as the client wrote it, `$replay/…` and all. */
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  /** Undefined where none. */
  readonly subscriptionId: number | undefined
  /** The value of the user property `from`, for replay; undefined where none. */
  readonly from: string | undefined
}

/** What outlives the socket: subscriptions, positions, in-flight messages, will. One connected client at a time. */
export interface Session {
  readonly clientId: string
  /** The expiry that was granted: at most what was asked for. */
  readonly sessionExpiryS: number
  /** Subscribes in order; called back with a SUBACK reason per request (granted QoS or a failure) when durable. */
  subscribe(requests: readonly SubscribeRequest[], onDone: (results: readonly (QoS | Failure)[]) => void): void
  /**
   * Called back with whether each subscription existed, when it is durable that they are gone; or with a failure: nothing more comes
   * for them, but a restart may find them again until the same is asked again and kept.
   */
  unsubscribe(filters: readonly string[], onDone: (existed: readonly boolean[] | Failure) => void): void
  /**
   * Publishes QoS 0 or 1. Called back when the promise of its QoS is kept (QoS 1: durable) or refused, never within the
   * call; for QoS 0 only where `onDone` is given. The message's views are not kept past the turn without a copy.
   */
  publish(message: Message, onDone: ((failure: Failure | null, matched: boolean) => void) | null): void
  /** QoS 2, method B: the record and {client, packet id} in one group, then PUBREC. A known packet id is not appended again. */
  publishExactlyOnce(packetId: number, message: Message, onDone: (failure: Failure | null, matched: boolean) => void): void
  /** PUBREL: forgets the packet id, durable before PUBCOMP; false where it was not known (0x92). */
  release(packetId: number, onDone: (known: boolean) => void): void
  /** PUBACK from the client; a reason of 0x80 or above is final too. Answers false for an unknown id. */
  acknowledge(packetId: number): boolean
  /** PUBREC from the client: PUBREL follows once it is durable. A reason of 0x80 or above ends the exchange. Answers false for an unknown id. */
  received(packetId: number, reason: number): boolean
  /** PUBCOMP from the client. Answers false for an unknown id. */
  completed(packetId: number): boolean
  /** Packet ids of QoS 2 publishes by the client that wait for its PUBREL (for receive maximum). */
  readonly incomingUnreleased: number
  /** The socket drained: go on from the log. */
  writable(): void
  /** DISCONNECT 0x00 (no will), 0x04 (with will), or a new session expiry (level 5). */
  disconnect(options: { readonly sendWill: boolean; readonly sessionExpiryS: number | undefined }): void
  /** The connection is gone without a DISCONNECT. */
  connectionLost(): void
}

/** All sessions of this broker. */
export interface Sessions {
  /**
   * Opens or resumes the session of `request.clientId` for `client`, taking it over from a connected one (DISCONNECT 0x8E
   * there). Called back when its state is durable; retransmissions and missed messages follow only after the caller
   * called `begin`, which it does right after it queued CONNACK.
   */
  connect(
    request: ConnectRequest,
    client: SessionClient,
    onDone: (result: { readonly session: Session; readonly sessionPresent: boolean; readonly begin: () => void } | Failure) => void,
  ): void
  /** For metrics and `$SYS`. */
  readonly connectedCount: number
  readonly sessionCount: number
}
