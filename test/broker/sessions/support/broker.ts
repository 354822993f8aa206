import assert from 'node:assert/strict'
import { isFailure } from '../../../../src/broker/errors.ts'
import type { Principal, Security } from '../../../../src/broker/security/ports.ts'
import type { ConnectRequest, Message, QoS, Session, SubscribeRequest, Will } from '../../../../src/broker/sessions/ports.ts'
import { SessionManager } from '../../../../src/broker/sessions/session-manager.ts'
import type { SessionSettings } from '../../../../src/broker/sessions/session-settings.ts'
import type { MappingRule } from '../../../../src/broker/topics/mapping/mapping-rule.ts'
import { MAPPING_DEFAULTS, TopicMapping } from '../../../../src/broker/topics/mapping/topic-mapping.ts'
import { TopicRegistry } from '../../../../src/broker/topics/topic-registry.ts'
import { LocalLog } from '../../../../src/log/local-log.ts'
import type { LogStore } from '../../../../src/log/ports.ts'
import { buildBatch } from '../../../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS } from '../../../../src/log/settings.ts'
import type { FileSystem } from '../../../../src/runtime/files.ts'
import { FakeClient } from './fake-client.ts'
import { Disk, HeldLog } from './held-log.ts'
import { ManualClock } from './manual-clock.ts'

export const ANONYMOUS: Principal = { name: 'User:ANONYMOUS', isAdministrator: true }

const OPEN_SECURITY: Security = {
  hasUsers: false,
  anonymous: ANONYMOUS,
  checkPassword: async () => null,
  scramCredential: () => undefined,
  principalOf: (name) => (name === ANONYMOUS.name ? ANONYMOUS : { name, isAdministrator: false }),
  authorize: () => true,
  authorizeAny: () => true,
  acls: { matching: () => [], create: () => {}, delete: () => {} },
  tokens: { create: () => {}, renew: () => {}, expire: () => {}, all: () => [], prove: async () => undefined },
  provenPrincipal: (name) => ({ name: `User:${name}`, isAdministrator: false }),
  users: () => [],
  alterCredentials: () => {},
}

export interface BrokerOptions {
  readonly settings?: Partial<SessionSettings>
  readonly rules?: readonly MappingRule[]
  readonly security?: Security
  readonly disk?: Disk
  readonly clock?: ManualClock
  /** On the real log over these files, rather than on one that the test commits. */
  readonly files?: FileSystem
}

/** The core of a broker with sessions, on a log that the test commits and crashes. */
export class TestBroker {
  readonly clock: ManualClock
  readonly store: LogStore
  readonly #held: HeldLog
  readonly topics: TopicRegistry
  readonly sessions: SessionManager
  readonly #options: BrokerOptions

  private constructor(options: BrokerOptions) {
    this.#options = options
    this.clock = options.clock ?? new ManualClock()
    this.#held = new HeldLog(options.disk ?? new Disk())
    // Every start draws other ids, as real randomness does.
    let seed = 12_345 + 7919 * this.#held.disk.starts++
    const next = (bound: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % bound
    }
    const random = { bytes: (length: number) => Uint8Array.from({ length }, () => next(256)), below: next }
    const { files } = options
    this.store = files === undefined ? this.#held : new LocalLog(files, this.clock, random, null, { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 1_048_576 })
    this.topics = new TopicRegistry(this.store, random, { numPartitions: 4, maxPartitions: 10_000 })
    const mapping = new TopicMapping(this.topics, this.store, { ...MAPPING_DEFAULTS, rules: options.rules ?? [] }, () => {})
    const context = { clock: this.clock, random, log: this.store, topics: this.topics, security: options.security ?? OPEN_SECURITY }
    this.sessions = new SessionManager(context, mapping, options.settings)
  }

  static async open(options: BrokerOptions = {}): Promise<TestBroker> {
    const broker = new TestBroker(options)
    await broker.store.open()
    await broker.topics.open()
    await broker.sessions.open()
    broker.store.start()
    await broker.clock.settle()
    return broker
  }

  /** The log that the test commits; not with `files`. */
  get log(): HeldLog {
    assert.ok(this.store === this.#held)
    return this.#held
  }

  /** A clean stop and start. */
  async restart(): Promise<TestBroker> {
    const closing = this.sessions.close()
    await this.clock.settle()
    this.#held.commit()
    await closing
    let closed = false
    void this.store.close().then(() => {
      closed = true
    })
    await this.clock.settle()
    // Closing may wait for timers.
    for (let round = 0; !closed && round < 1000; round++) await this.clock.advance(10)
    assert.ok(closed, 'the log did not close')
    return TestBroker.open({ ...this.#options, disk: this.#held.crash(), clock: this.clock })
  }

  /** The process dies, or the power goes, and it starts again. */
  async crash(power = false): Promise<TestBroker> {
    const disk = this.log.crash(power)
    return TestBroker.open({ ...this.#options, disk, clock: new ManualClock(this.clock.now()) })
  }

  /** Waits for what happens on other threads. */
  async until(condition: () => boolean): Promise<void> {
    for (let round = 0; !condition(); round++) {
      assert.ok(round < 10_000, 'what was waited for did not happen')
      await this.clock.settle()
    }
  }

  async connect(clientId: string, options: ConnectOptions = {}): Promise<Connected> {
    const { client = new FakeClient(), principal = ANONYMOUS, ...request } = options
    let result: Parameters<Parameters<SessionManager['connect']>[2]>[0] | undefined
    const whole = { clientId, level: client.level, cleanStart: false, sessionExpiryS: 3600, will: null, principal, ...request }
    this.sessions.connect(whole, client, (answer) => {
      result = answer
      if (!isFailure(answer)) answer.begin()
    })
    await this.clock.settle()
    assert.ok(result !== undefined, 'CONNECT was not answered')
    assert.ok(!isFailure(result), isFailure(result) ? result.message : '')
    return new Connected(this, result.session, client, result.sessionPresent)
  }

  /** A record as a Kafka client would append it. */
  async produce(topic: string, records: readonly { key?: string | null; value?: string | null; headers?: [string, string][] }[]): Promise<void> {
    const found = this.topics.get(topic)
    assert.ok(found, `no topic ${topic}`)
    const bytes = buildBatch(
      records.map(({ key = null, value = null, headers = [] }) => ({
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        headers: headers.map(([name, text]) => ({ key: name, value: Buffer.from(text) })),
        timestampMs: this.clock.now(),
      })),
    )
    const partition = found.partitions[0]
    assert.ok(partition)
    this.store.append({ batches: [{ partition: partition.log, bytes }], state: [], durability: 'durable', onDone: () => {} })
    await this.clock.settle()
  }
}

export type ConnectOptions = Partial<Omit<ConnectRequest, 'clientId' | 'level'>> & { readonly client?: FakeClient }

/** A connected client. */
export class Connected {
  readonly broker: TestBroker
  readonly session: Session
  readonly client: FakeClient
  readonly sessionPresent: boolean

  constructor(broker: TestBroker, session: Session, client: FakeClient, sessionPresent: boolean) {
    this.broker = broker
    this.session = session
    this.client = client
    this.sessionPresent = sessionPresent
  }

  /** The SUBACK reason. */
  async subscribe(filter: string, qos: QoS = 1, options: Partial<SubscribeRequest> = {}): Promise<number> {
    const request = {
      filter,
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      subscriptionId: undefined,
      from: undefined,
      ...options,
    }
    let reason = -1
    this.session.subscribe([request], ([result]) => {
      reason = typeof result === 'number' ? result : (result?.error.mqtt ?? -1)
    })
    await this.broker.clock.settle()
    return reason
  }

  /** Whether it existed, or the reason why that is not kept. */
  async unsubscribe(filter: string): Promise<boolean | number> {
    let existed: boolean | number | undefined
    this.session.unsubscribe([filter], (answer) => {
      existed = isFailure(answer) ? answer.error.mqtt : answer[0]
    })
    await this.broker.clock.settle()
    assert.ok(existed !== undefined)
    return existed
  }

  /** The reason of PUBACK: 0, 0x10 or a failure; -1 where none came yet. */
  async publish(topic: string, payload: string, qos: 0 | 1 = 1, more: Partial<Message> = {}): Promise<number> {
    let reason = -1
    this.session.publish(message(topic, payload, qos, more), (failed, matched) => {
      reason = failed === null ? (matched ? 0 : 0x10) : failed.error.mqtt
    })
    await this.broker.clock.settle()
    return reason
  }

  async publishExactlyOnce(packetId: number, topic: string, payload: string, more: Partial<Message> = {}): Promise<number> {
    let reason = -1
    this.session.publishExactlyOnce(packetId, message(topic, payload, 2, more), (failed, matched) => {
      reason = failed === null ? (matched ? 0 : 0x10) : failed.error.mqtt
    })
    await this.broker.clock.settle()
    return reason
  }

  async release(packetId: number): Promise<boolean | undefined> {
    let known: boolean | undefined
    this.session.release(packetId, (answer) => {
      known = answer
    })
    await this.broker.clock.settle()
    return known
  }

  async lose(): Promise<void> {
    this.session.connectionLost()
    await this.broker.clock.settle()
  }
}

export function message(topic: string, payload: string, qos: QoS, more: Partial<Message> = {}): Message {
  return { topic, payload: Buffer.from(payload), qos, retain: false, properties: null, packet: null, packetLevel: 5, ...more }
}

export function will(topic: string, payload: string, delayS = 0, more: Partial<Message> = {}): Will {
  return { message: message(topic, payload, 1, more), delayS }
}
