import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Failure } from '../../src/broker/errors.ts'
import type { Principal, Security } from '../../src/broker/security/ports.ts'
import type {
  ConnectRequest,
  Delivery,
  Message,
  ProtocolLevel,
  QoS,
  Session,
  SessionClient,
  Sessions,
  SubscribeRequest,
} from '../../src/broker/sessions/ports.ts'
import { MqttServer } from '../../src/mqtt/mqtt-server.ts'
import { DEFAULT_MQTT_SETTINGS, type MqttSettings } from '../../src/mqtt/mqtt-settings.ts'
import { encodePacket } from '../../src/mqtt/wire/encode.ts'
import type { Packet } from '../../src/mqtt/wire/packets.ts'
import { Connection } from '../../src/net/connection.ts'
import type { Clock, Timer } from '../../src/runtime/clock.ts'
import type { SocketEvents, StreamSocket } from '../../src/runtime/network.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { packetsOf } from './wire/packets-of.ts'

/** Time that stands still until it is moved; turns that end when told. */
export class HandClock implements Clock {
  #nowMs = 1_700_000_000_000
  #turns: (() => void)[] = []
  #timers: { atMs: number; run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }
  monotonicMs(): number {
    return this.#nowMs - 1_600_000_000_000
  }
  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }
  endOfTurn(run: () => void): void {
    this.#turns.push(run)
  }
  /** Runs ends of turns until there is none left. */
  settle(): void {
    for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) next()
  }
  /** Moves time in steps, running timers as they come due. */
  advance(ms: number): void {
    const until = this.#nowMs + ms
    for (;;) {
      const next = this.#timers.filter((timer) => timer.atMs <= until).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      this.settle()
    }
    this.#nowMs = until
  }
}

/** The client's end of a socket, held by a test. */
class HandSocket implements StreamSocket {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 50_000
  readonly localAddress = '127.0.0.1'
  readonly localPort = 1883
  bufferedBytes = 0
  paused = false
  ended = false
  readonly written: Buffer[] = []
  writes = 0
  events: SocketEvents | null = null

  start(events: SocketEvents): void {
    this.events = events
  }
  write(chunks: readonly Uint8Array[]): boolean {
    this.writes++
    this.written.push(Buffer.concat(chunks))
    return true
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  end(): void {
    this.ended = true
  }
  destroy(): void {
    this.ended = true
    this.events?.onClose(null)
  }
}

/** A session that notes what it is told, and answers when told. */
export class HandSession implements Session {
  readonly clientId: string
  readonly sessionExpiryS: number
  readonly client: SessionClient
  readonly calls: unknown[][] = []
  readonly published: { message: Message; onDone: ((failure: Failure | null, matched: boolean) => void) | null }[] = []
  incomingUnreleased = 0
  subscribeResults: (requests: readonly SubscribeRequest[]) => (QoS | Failure)[] = (requests) => requests.map(({ qos }) => qos)
  unsubscribeFailure: Failure | null = null
  knownIds = true
  writableCalls = 0

  constructor(clientId: string, sessionExpiryS: number, client: SessionClient) {
    this.clientId = clientId
    this.sessionExpiryS = sessionExpiryS
    this.client = client
  }
  subscribe(requests: readonly SubscribeRequest[], onDone: (results: readonly (QoS | Failure)[]) => void): void {
    this.calls.push(['subscribe', requests])
    onDone(this.subscribeResults(requests))
  }
  unsubscribe(filters: readonly string[], onDone: (existed: readonly boolean[] | Failure) => void): void {
    this.calls.push(['unsubscribe', filters])
    onDone(this.unsubscribeFailure ?? filters.map((filter) => filter === 'there'))
  }
  publish(message: Message, onDone: ((failure: Failure | null, matched: boolean) => void) | null): void {
    this.published.push({ message, onDone })
  }
  publishExactlyOnce(packetId: number, message: Message, onDone: (failure: Failure | null, matched: boolean) => void): void {
    this.calls.push(['publishExactlyOnce', packetId])
    this.incomingUnreleased++
    this.published.push({ message, onDone })
  }
  release(packetId: number, onDone: (known: boolean) => void): void {
    this.calls.push(['release', packetId])
    if (this.knownIds) this.incomingUnreleased--
    onDone(this.knownIds)
  }
  acknowledge(packetId: number): boolean {
    this.calls.push(['acknowledge', packetId])
    return this.knownIds
  }
  received(packetId: number, reason: number): boolean {
    this.calls.push(['received', packetId, reason])
    return this.knownIds
  }
  completed(packetId: number): boolean {
    this.calls.push(['completed', packetId])
    return this.knownIds
  }
  writable(): void {
    this.writableCalls++
  }
  disconnect(options: { readonly sendWill: boolean; readonly sessionExpiryS: number | undefined }): void {
    this.calls.push(['disconnect', options])
  }
  connectionLost(): void {
    this.calls.push(['connectionLost'])
  }
}

const ADMIN: Principal = { name: 'User:admin', isAdministrator: true }
const USER: Principal = { name: 'User:user', isAdministrator: false }

interface BenchOptions {
  readonly settings?: Partial<MqttSettings>
  readonly allowAnonymous?: boolean
  readonly hasUsers?: boolean
  readonly sessionPresent?: boolean
  readonly maxSessionExpiryS?: number
  /** Connects wait until `release` is called. */
  readonly holdConnects?: boolean
}

/** A server with hand-held clock, sessions and users: `user`/`secret` may use topics below `mine`, the anonymous everything. */
export class Bench {
  readonly clock = new HandClock()
  readonly sessions: HandSession[] = []
  readonly requests: ConnectRequest[] = []
  readonly held: (() => void)[] = []
  readonly pressure = { congested: false, drained: [] as (() => void)[], whenDrained: (run: () => void) => void this.pressure.drained.push(run) }
  readonly server: MqttServer
  readonly #options: BenchOptions

  constructor(options: BenchOptions = {}) {
    this.#options = options
    const sessions: Sessions = {
      connectedCount: 0,
      sessionCount: 0,
      connect: (request, client, onDone) => {
        this.requests.push(request)
        const session = new HandSession(
          request.clientId === '' ? 'auto-1' : request.clientId,
          Math.min(request.sessionExpiryS, options.maxSessionExpiryS ?? 0xffff_ffff),
          client,
        )
        this.sessions.push(session)
        const run = () => onDone({ session, sessionPresent: options.sessionPresent ?? false, begin: () => session.calls.push(['begin']) })
        if (options.holdConnects === true) this.held.push(run)
        else run()
      },
    }
    const security = {
      hasUsers: options.hasUsers ?? false,
      anonymous: ADMIN,
      checkPassword: async (username: string, password: string) => (username === 'user' && password === 'secret' ? USER : null),
      scramCredential: () => undefined,
      principalOf: () => USER,
      authorize: (principal: Principal, _operation: string, _type: string, name: string) => principal.isAdministrator || name.startsWith('mine'),
    } as unknown as Security
    this.server = new MqttServer(
      { clock: this.clock, logger: silentLogger, sessions, security, pressure: this.pressure },
      { ...DEFAULT_MQTT_SETTINGS, ...options.settings },
    )
  }

  open(): BenchClient {
    return new BenchClient(this, this.#options.allowAnonymous ?? true)
  }

  /** A client whose CONNECT was accepted. */
  connected(level: ProtocolLevel = 5, connect: Partial<Extract<Packet, { type: 'CONNECT' }>> = {}): BenchClient {
    const client = this.open()
    client.send(connectPacket({ level, ...connect }), level)
    assert.deepEqual(
      client.take().map((packet) => [packet.type, 'reason' in packet ? packet.reason : null]),
      [['CONNACK', 0]],
    )
    return client
  }
}

export const connectPacket = (fields: Partial<Extract<Packet, { type: 'CONNECT' }>>): Extract<Packet, { type: 'CONNECT' }> => ({
  type: 'CONNECT',
  level: 5,
  cleanStart: true,
  keepAliveS: 60,
  clientId: 'c',
  will: null,
  username: undefined,
  password: undefined,
  properties: {},
  ...fields,
})

export const publishPacket = (fields: Partial<Extract<Packet, { type: 'PUBLISH' }>>): Extract<Packet, { type: 'PUBLISH' }> => ({
  type: 'PUBLISH',
  topic: 'a/b',
  payload: Buffer.from('x'),
  qos: 0,
  retain: false,
  properties: null,
  packet: null,
  packetLevel: 5,
  dup: false,
  packetId: 0,
  topicAlias: 0,
  subscriptionIdentifiers: [],
  ...fields,
})

export const deliveryOf = (message: Partial<Message>, fields: Partial<Delivery> = {}): Delivery => {
  const whole: Message = { topic: 'a/b', payload: Buffer.from('x'), qos: 1, retain: false, properties: null, packet: null, packetLevel: 5, ...message }
  return { message: whole, qos: whole.qos, retain: false, topic: whole.topic, subscriptionIds: [], expiryLeftS: undefined, ...fields }
}

export class BenchClient {
  readonly socket = new HandSocket()
  readonly #bench: Bench
  readonly #handler: unknown
  #level: ProtocolLevel = 5

  constructor(bench: Bench, allowAnonymous: boolean) {
    this.#bench = bench
    const connection = new Connection(this.socket, bench.clock, { maxOutputBytes: 1_048_576, closeGraceMs: 1000 })
    const handler = bench.server.accept(connection, { allowAnonymous })
    this.#handler = handler
    connection.start(handler, () => {})
  }

  get session(): HandSession {
    return this.#bench.sessions.find((session) => session.client === this.#handler) as HandSession
  }

  send(packet: Packet, level: ProtocolLevel = this.#level): void {
    this.#level = level
    this.sendBytes(encodePacket(packet, level))
  }

  sendBytes(bytes: Uint8Array | string, level: ProtocolLevel = this.#level): void {
    this.#level = level
    this.socket.events?.onData(typeof bytes === 'string' ? Buffer.from(bytes.replaceAll(' ', ''), 'hex') : Buffer.from(bytes))
    this.#bench.clock.settle()
  }

  /** What the server sent since the last time. */
  take(): Packet[] {
    this.#bench.clock.settle()
    const bytes = Buffer.concat(this.socket.written.splice(0))
    const { packets, fault } = packetsOf([bytes], { sender: 'server', level: this.#level, maximumPacketSize: 268_435_460 })
    assert.equal(fault, null, `${fault?.message}: ${bytes.toString('hex', 0, 200)}`)
    return packets
  }

  takeHex(): string {
    this.#bench.clock.settle()
    return Buffer.concat(this.socket.written.splice(0)).toString('hex')
  }

  /** Type and reason of what the server sent, and whether it closed. */
  outcome(): { sent: unknown[]; closed: boolean } {
    const sent = this.take().map((packet) => ('reason' in packet ? `${packet.type} 0x${packet.reason.toString(16).padStart(2, '0')}` : packet.type))
    return { sent, closed: this.socket.ended }
  }
}

export const subscribePacket = (filter: string, fields: object = {}) => ({
  type: 'SUBSCRIBE' as const,
  packetId: 5,
  subscriptions: [{ filter, qos: 1 as const, noLocal: false, retainAsPublished: false, retainHandling: 0 as const }],
  properties: {},
  ...fields,
})

/** A client that proved to be `user`. */
export async function connectedUser(bench: Bench, level: 4 | 5) {
  const client = bench.open()
  client.send(connectPacket({ level, username: 'user', password: Buffer.from('secret') }), level)
  await nextTurn()
  assert.deepEqual(client.outcome().closed, false)
  return client
}
