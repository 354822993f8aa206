import type { StateRecord } from '../../log/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ERRORS, type Failure, failure, isFailure } from '../errors.ts'
import type { Principal, Security } from '../security/ports.ts'
import type { TopicMapping } from '../topics/mapping/topic-mapping.ts'
import type { TurnBatch, TurnOptions } from '../topics/turn-batch.ts'
import type { DeliveryHub } from './delivery-hub.ts'
import type { Message } from './ports.ts'
import type { PreparedRetained, RetainedStore } from './retained-store.ts'
import type { SessionJournal } from './session-journal.ts'
import { checkMqttTopic } from './topic-filter.ts'

/** Whether somebody offline subscribes to a topic. */
export type OfflineMatch = (topic: string) => boolean

export type OnPublished = (failed: Failure | null, matched: boolean) => void

export interface PublishOptions {
  readonly principal: Principal
  /** The client id, where the record must tell it for No Local; else null. */
  readonly publisher: string | null
  /** The client id whatever that says: the retained copy always tells it. */
  readonly clientId: string
  /** Must become durable together with the message; empty for QoS 0. */
  readonly state: readonly StateRecord[]
}

/** Puts messages of MQTT clients where they belong: the log, the retained store, or (rules with `store: false`) only on their way. */
export class Publisher {
  readonly #mapping: TopicMapping
  readonly #turn: TurnBatch
  readonly #hub: DeliveryHub
  readonly #retained: RetainedStore
  readonly #journal: SessionJournal
  readonly #security: Security
  readonly #clock: Clock
  readonly #matchesOffline: OfflineMatch

  constructor(
    mapping: TopicMapping,
    turn: TurnBatch,
    hub: DeliveryHub,
    retained: RetainedStore,
    journal: SessionJournal,
    security: Security,
    clock: Clock,
    matchesOffline: OfflineMatch,
  ) {
    this.#mapping = mapping
    this.#turn = turn
    this.#hub = hub
    this.#retained = retained
    this.#journal = journal
    this.#security = security
    this.#clock = clock
    this.#matchesOffline = matchesOffline
  }

  /** `onDone` is called once, never within the call. Durable for QoS 1 and 2, and where there is state. */
  publish(message: Message, options: PublishOptions, onDone: OnPublished | null): void {
    const { topic } = message
    const refused = this.#check(message, options.principal)
    if (refused !== null) {
      this.#refuse(refused, onDone)
      return
    }
    const route = this.#mapping.route(topic)
    if (isFailure(route)) {
      this.#refuse(route, onDone)
      return
    }
    const matched = onDone !== null && (this.#hub.hasReceivers(topic) || this.#matchesOffline(topic))
    const durable = message.qos > 0 || options.state.length > 0
    const alongside = message.retain ? this.#retained.prepare(message, options.clientId) : null
    if (route.kind === 'transient') {
      this.#hub.deliverTransient(message, options.publisher)
      this.#afterTransient(alongside, options.state, durable, matched, onDone)
      return
    }
    if (alongside === null) {
      this.#turn.add(route, message, turnOptionsOf(options, durable), onDone === null ? null : (failed) => onDone(failed, matched))
      return
    }
    this.#turn.add(route, message, { publisher: options.publisher, durable, state: options.state, alongside }, (failed) => {
      this.#retained.settle(alongside, failed === null)
      onDone?.(failed, matched)
    })
  }

  #check(message: Message, principal: Principal): Failure | null {
    const wrong = checkMqttTopic(message.topic)
    if (wrong !== null) return failure(ERRORS.invalidTopic, wrong)
    if (!principal.isAdministrator && !this.#security.authorize(principal, 'write', 'mqtt-topic', message.topic)) {
      return failure(ERRORS.topicAuthorizationFailed, `${principal.name} may not publish to ${JSON.stringify(message.topic)}`)
    }
    if (message.retain && !this.#retained.hasRoom(message)) {
      return failure(ERRORS.quotaExceeded, `the broker holds ${this.#retained.count} retained messages, its limit`)
    }
    return null
  }

  #refuse(failed: Failure, onDone: OnPublished | null): void {
    if (onDone !== null) this.#clock.endOfTurn(() => onDone(failed, false))
  }

  /** What remains to be kept of a message that is in no log. */
  #afterTransient(alongside: PreparedRetained | null, state: readonly StateRecord[], durable: boolean, matched: boolean, onDone: OnPublished | null): void {
    if (alongside === null) {
      this.#journal.save(state, onDone === null ? null : (failed) => onDone(failed, matched))
      return
    }
    this.#retained.append(alongside, durable ? state : [], durable, (failed) => onDone?.(failed, matched))
  }
}

/** What nearly every message is published with, made once. */
const WRITTEN: TurnOptions = { publisher: null, durable: false }
const DURABLE: TurnOptions = { publisher: null, durable: true }

function turnOptionsOf(options: PublishOptions, durable: boolean): TurnOptions {
  if (options.publisher === null && options.state.length === 0) return durable ? DURABLE : WRITTEN
  return { publisher: options.publisher, durable, state: options.state }
}
