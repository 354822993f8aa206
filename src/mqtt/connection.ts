/**
 * One MQTT connection: bytes to packets, packets to handlers (packets.ts), what the session sends to bytes. What outlives the
 * socket is the session's, in broker/sessions.
 */
import { ERRORS, type Failure } from '../broker/errors.ts'
import type { Principal } from '../broker/security/ports.ts'
import type { Delivery, ProtocolLevel, Session, SessionClient } from '../broker/sessions/ports.ts'
import type { Connection, ConnectionHandler } from '../net/connection.ts'
import { AckQueue, type PendingAck } from './ack-queue.ts'
import { Deadline } from './keep-alive-wheel.ts'
import type { MqttContext } from './mqtt-context.ts'
import { Output } from './output.ts'
import { handlePacket } from './packets.ts'
import { encodeFitting } from './wire/encode.ts'
import { PacketParser } from './wire/packet-parser.ts'
import { firstByteOf } from './wire/packet-types.ts'
import type { AckPacket, ConnackPacket, ConnectPacket, Packet } from './wire/packets.ts'
import type { Properties } from './wire/property-table.ts'
import { NO_PROPERTIES } from './wire/read-properties.ts'
import { REASON, reasonName, returnCodeOf } from './wire/reason-codes.ts'
import type { Fault } from './wire/wire-reader.ts'

/**
 * - `new`: nothing but CONNECT is taken; the connect timeout runs.
 * - `connecting`: CONNECT is being decided; what follows it waits unread.
 * - `connected`: CONNACK was queued.
 * - `closed`: nothing is taken or sent any more; the session was told.
 */
type State = 'new' | 'connecting' | 'connected' | 'closed'

/** What CONNECT settled, for as long as the connection lasts. */
export interface Connected {
  readonly session: Session
  readonly principal: Principal
  readonly connect: ConnectPacket
}

const PUBACK = firstByteOf('PUBACK')
const PUBREC = firstByteOf('PUBREC')
const UNLIMITED = 0xffff_ffff
/** Output of one turn beyond which it is written at once: a turn may bring more for one client than should wait for its end. */
const FLUSH_AT_BYTES = 262_144

export class MqttConnection implements ConnectionHandler, SessionClient {
  readonly context: MqttContext
  /** Whether the listener lets clients in without a user name. */
  readonly allowAnonymous: boolean
  /** Who the client is by its certificate; null where it showed none. */
  readonly proven: Principal | null
  level: ProtocolLevel = 4
  receiveMaximum: number
  maximumPacketSize = UNLIMITED
  /** The client's wish for Reason Strings and User Properties with failures [MQTT-3.1.2-29]. */
  requestProblemInformation = true
  readonly acks = new AckQueue()
  /** Topic of each alias; made when the first comes. */
  aliases: string[] | null = null
  /** The topic that was last found to be legal and allowed to publish to. */
  allowedTopic: string | null = null
  readonly #socket: Connection
  readonly #parser: PacketParser
  readonly #output = new Output()
  readonly #deadline: Deadline
  #state: State = 'new'
  #connected: Connected | null = null
  /** Chunks that came while CONNECT was being decided. */
  #backlog: Buffer[] = []
  #keepAliveMs = 0
  #scheduled = false
  #detached = false
  #toldCongested = false
  /** Why nothing is read from the client: too many of its messages, or all clients', wait for the disk. */
  #windowFull = false
  #diskWaits = false
  #outputAtDeadline = 0

  constructor(context: MqttContext, socket: Connection, allowAnonymous: boolean, proven: Principal | null = null) {
    this.context = context
    this.allowAnonymous = allowAnonymous
    this.proven = proven
    this.receiveMaximum = context.settings.inflightMaximum
    this.#socket = socket
    this.#parser = new PacketParser({ sender: 'client', maximumPacketSize: context.settings.maximumPacketSize })
    this.#deadline = new Deadline(() => this.#onDeadline())
    this.#deadline.atMs = context.clock.monotonicMs() + context.settings.connectTimeoutMs
    context.wheel.add(this.#deadline)
  }

  /** What CONNECT settled; handlers of other packets run only after it. */
  get connected(): Connected {
    if (this.#connected === null) throw new Error('a packet was handled before CONNECT')
    return this.#connected
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether the session parted with this connection by itself: it must not be told that the connection is lost. */
  get detached(): boolean {
    return this.#detached
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress
  }

  // From the socket.

  onData(chunk: Buffer): void {
    if (this.#state === 'closed') return
    if (this.#keepAliveMs > 0) this.#deadline.atMs = this.context.clock.monotonicMs() + this.#keepAliveMs
    if (this.#state === 'connecting') {
      this.#backlog.push(chunk)
      return
    }
    this.#parser.feed(chunk)
    this.#takePackets()
    if (this.context.pressure.congested) this.#waitForDisk()
  }

  onDrained(): void {
    this.#tellWritable()
  }

  onClosed(reason: string): void {
    if (this.#state === 'closed') return
    this.context.logger.debug({ client: this.#connected?.session.clientId, remote: this.remoteAddress, reason }, 'mqtt connection lost')
    this.#end()?.connectionLost()
  }

  #takePackets(): void {
    while (this.#state === 'new' || this.#state === 'connected') {
      const packet = this.#parser.next()
      if (packet === null) break
      this.context.counters.packetsReceived++
      handlePacket(this, packet)
    }
    const { fault } = this.#parser
    if (fault !== null && this.#state !== 'closed') this.#onFault(fault)
  }

  #onFault(fault: Fault): void {
    if (this.#state === 'connected') {
      this.fail(fault.reason, fault.message)
      return
    }
    this.level = this.#parser.faultLevel
    // Before 5.0 only an unacceptable version has an answer [MQTT-3.1.2-2 of 3.1.1]; what is no CONNECT gets none.
    const answers = this.#parser.faultInConnect && (this.level === 5 || fault.reason === REASON.unsupportedProtocolVersion)
    if (answers) this.refuse(fault.reason, fault.message)
    else this.#closeQuietly(fault.message)
  }

  // CONNECT.

  /** Stops taking packets until `accept` or `refuse`. */
  beginConnect(connect: ConnectPacket): void {
    this.#state = 'connecting'
    this.level = connect.level
    this.#parser.level = connect.level
    const { receiveMaximum, maximumPacketSize, requestProblemInformation } = connect.properties
    if (connect.level === 5) this.receiveMaximum = receiveMaximum ?? 65_535
    this.maximumPacketSize = maximumPacketSize ?? UNLIMITED
    this.requestProblemInformation = requestProblemInformation ?? true
    this.#socket.pause('handler')
  }

  /** CONNACK with success, and on with what came behind CONNECT; `begin` lets the session send. */
  accept(connected: Connected, connack: ConnackPacket, keepAliveS: number, begin: () => void): void {
    this.#connected = connected
    this.#state = 'connected'
    this.#keepAliveMs = keepAliveS * 1500
    this.#deadline.atMs = keepAliveS === 0 ? Number.POSITIVE_INFINITY : this.context.clock.monotonicMs() + this.#keepAliveMs
    this.context.wheel.add(this.#deadline)
    this.send(connack)
    begin()
    this.#takePackets()
    for (const chunk of this.#backlog.splice(0)) {
      if (this.closed) return
      this.#parser.feed(chunk)
      this.#takePackets()
    }
    this.#socket.resume('handler')
  }

  /** CONNACK with a reason of 5.0 (translated for older clients), then the end. */
  refuse(reason: number, message: string): void {
    if (this.closed) return
    this.context.logger.info({ remote: this.remoteAddress, reason: reasonName(reason), why: message }, 'mqtt connect refused')
    this.send({ type: 'CONNACK', sessionPresent: false, reason: this.level === 5 ? reason : returnCodeOf(reason), properties: this.#explain(message, true) })
    this.#closeSocket(message)
  }

  // Sending.

  /** Queues a packet, without what only explains where it would be too large; one that does not fit at all is not sent [MQTT-3.1.2-24]. */
  send(packet: Exclude<Packet, ConnectPacket>): void {
    const bytes = encodeFitting(packet, this.level, this.maximumPacketSize)
    if (bytes !== null) this.#write(bytes)
  }

  /** PUBACK and its like; before 5.0 without reason. */
  sendAck(type: AckPacket['type'], packetId: number, reason: number = REASON.success, message: string | null = null): void {
    if (reason === REASON.success || this.level < 5) {
      this.#scheduleFlush()
      this.#output.ack(firstByteOf(type), packetId)
      return
    }
    this.send({ type, packetId, reason, properties: message === null ? NO_PROPERTIES : this.#explain(message, false) })
  }

  sendPublish(delivery: Delivery, packetId: number, dup: boolean): boolean {
    if (this.closed) return true
    this.#scheduleFlush()
    this.context.counters.messagesSent++
    const fitted = this.context.encoder.write(this.#output, delivery, this.level, packetId, dup, this.maximumPacketSize)
    if (this.#output.bytes >= FLUSH_AT_BYTES) this.#flush()
    return fitted
  }

  sendPackets(bytes: Uint8Array): void {
    if (!this.closed) this.#write(bytes)
  }

  sendPubrel(packetId: number): void {
    if (!this.closed) this.sendAck('PUBREL', packetId)
  }

  get congested(): boolean {
    if (this.#output.bytes + this.#socket.outputBytes <= this.context.settings.maxOutputBytes) return false
    this.#toldCongested = true
    return true
  }

  /** The acknowledgement of a PUBLISH is known: it leaves when those before it have left. */
  acknowledged(pending: PendingAck, failure: Failure | null, matched: boolean): void {
    pending.done = true
    pending.failure = failure
    pending.matched = matched
    for (let next = this.acks.takeDone(); next !== undefined && !this.closed; next = this.acks.takeDone()) this.#sendPublishAck(next)
    this.#resumeBelowWindow()
  }

  #sendPublishAck(pending: PendingAck): void {
    const { failure, packetId } = pending
    if (failure === null && pending.matched) {
      this.#scheduleFlush()
      this.#output.ack(pending.qos === 1 ? PUBACK : PUBREC, packetId)
      return
    }
    const type = pending.qos === 1 ? 'PUBACK' : 'PUBREC'
    if (failure === null) this.sendAck(type, packetId, REASON.noMatchingSubscribers)
    // A disk that failed may have kept message and packet id all the same: a PUBREC that frees the id would be a lie.
    else if (this.level === 5 && !(pending.qos === 2 && failure.error === ERRORS.kafkaStorageError))
      this.sendAck(type, packetId, failure.error.mqtt, failure.message)
    // 3.1.1 has no negative acknowledgement [MQTT-3.3.5-2].
    else this.fail(failure.error.mqtt, failure.message)
  }

  /** Before 5.0 a client cannot be told how much it may send unacknowledged: reading waits instead. */
  pauseBeyondWindow(): void {
    if (this.level < 5 && this.acks.length >= this.context.settings.receiveMaximum) {
      this.#windowFull = true
      this.#socket.pause('handler')
    }
  }

  #resumeBelowWindow(): void {
    if (!this.#windowFull || this.acks.length > this.context.settings.receiveMaximum / 2) return
    this.#windowFull = false
    this.#goOnReading('handler')
  }

  // Ending.

  /** The client broke a rule, or the broker must part with it: DISCONNECT with the reason where 5.0 has one, then the end; the session sends the will. */
  fail(reason: number, message: string): void {
    if (this.closed) return
    const fields = { client: this.#connected?.session.clientId, remote: this.remoteAddress, reason: reasonName(reason), why: message }
    this.context.logger.info(fields, 'mqtt client dropped')
    this.#sayGoodbye(reason, message)
    this.#closeSocket(message)?.connectionLost()
  }

  /** The session parts with this connection, and knows it. */
  close(reason: number, message: string): void {
    this.#detached = true
    if (this.closed) return
    this.#sayGoodbye(reason, message)
    this.#closeSocket(message)
  }

  /** After DISCONNECT of the client; the handler tells the session. */
  leave(): void {
    this.#closeSocket('the client disconnected')
  }

  #closeQuietly(message: string): void {
    this.context.logger.info({ remote: this.remoteAddress, why: message }, 'mqtt connection refused')
    this.#closeSocket(message)
  }

  #sayGoodbye(reason: number, message: string): void {
    if (this.level === 5 && this.#state === 'connected') this.send({ type: 'DISCONNECT', reason, properties: this.#explain(message, true) })
  }

  /** Sends what was queued, then closes; answers the session, which the caller tells where it does not know. */
  #closeSocket(message: string): Session | null {
    const session = this.#end()
    this.#flush()
    this.#socket.close(message)
    return session
  }

  /** Nothing is taken or sent from now on; answers the session that must be told, once. */
  #end(): Session | null {
    this.#state = 'closed'
    this.#deadline.cancel()
    this.#backlog = []
    this.context.connections.delete(this)
    return this.#connected?.session ?? null
  }

  /** Reason String only where the client wants it, except in CONNACK and DISCONNECT [MQTT-3.1.2-29]. */
  #explain(message: string, always: boolean): Readonly<Properties> {
    return this.level === 5 && message !== '' && (always || this.requestProblemInformation) ? { reasonString: message } : NO_PROPERTIES
  }

  // Time and pressure.

  #onDeadline(): void {
    if (this.#state !== 'connected') {
      this.#closeQuietly(`no CONNECT within ${this.context.settings.connectTimeoutMs} ms`)
      return
    }
    if (this.#windowFull || this.#diskWaits) {
      this.#deadline.atMs = this.context.clock.monotonicMs() + this.#keepAliveMs
      return
    }
    // A client that is still taking what waits for it is alive, though nothing is read from it meanwhile.
    const { outputBytes } = this.#socket
    if (outputBytes > this.context.settings.maxOutputBytes / 2 && outputBytes !== this.#outputAtDeadline) {
      this.#outputAtDeadline = outputBytes
      this.#deadline.atMs += this.#keepAliveMs
      return
    }
    this.fail(REASON.keepAliveTimeout, `nothing received for ${this.#keepAliveMs / 1000} s [MQTT-3.1.2-22]`)
  }

  #waitForDisk(): void {
    if (this.#diskWaits) return
    this.#diskWaits = true
    this.#socket.pause('throttle')
    this.context.pressure.whenDrained(() => {
      this.#diskWaits = false
      this.#goOnReading('throttle')
    })
  }

  /** The time in which nothing was read from the client does not count against it. */
  #goOnReading(reason: 'handler' | 'throttle'): void {
    if (this.#keepAliveMs > 0) this.#deadline.atMs = this.context.clock.monotonicMs() + this.#keepAliveMs
    this.#socket.resume(reason)
  }

  #write(bytes: Uint8Array): void {
    this.#scheduleFlush()
    this.#output.write(bytes)
    if (this.#output.bytes >= FLUSH_AT_BYTES) this.#flush()
  }

  /** The output of a turn is written at its end, as one write unless there is very much of it. */
  #scheduleFlush(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.context.clock.endOfTurn(() => {
      this.#scheduled = false
      this.#flush()
      if (this.#toldCongested && !this.congested) this.#tellWritable()
    })
  }

  #flush(): void {
    if (this.#output.bytes === 0) return
    for (const chunk of this.#output.take()) this.#socket.write(chunk)
    this.#socket.flush()
  }

  #tellWritable(): void {
    if (!this.#toldCongested || this.closed) return
    this.#toldCongested = false
    this.#connected?.session.writable()
  }
}
