import type { StoredMessage } from '../topics/mapping/record-to-message.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ProtocolLevel, QoS, SessionClient } from './ports.ts'
import type { Subscription } from './subscription.ts'
import { SubscriptionTrie } from './subscription-trie.ts'

/** A connected session, as far as delivery is concerned. */
export interface Subscriber {
  readonly clientId: string
  readonly client: SessionClient | null
  /** Whether it may read a topic. */
  mayRead(topic: string): boolean
  /** One message at the tail, or (tail null) one that is in no log. */
  deliver(tail: PartitionTail | null, offset: number, stored: StoredMessage, target: Target): void
  /** A run of QoS 0 messages as they came in. False where the client wants them one by one. */
  forward(bytes: Uint8Array, count: number, largestBytes: number, level: ProtocolLevel): boolean
}

/** One copy of a message for one session. */
export interface Target {
  readonly subscriber: Subscriber
  readonly subscription: Subscription
  readonly qos: QoS
  readonly ids: readonly number[]
  readonly retainAsPublished: boolean
  /** What the session itself published goes here instead; null: nowhere (No Local). */
  readonly whenOwn: Target | null
  /** Whether QoS 0 packets may be passed on as they came in. */
  readonly raw: boolean
  /** Whether the session has other targets for the same topic. */
  readonly overlaps: boolean
}

/** Who gets the messages of one topic. */
export interface Route {
  readonly targets: readonly Target[]
}

interface Subscribed {
  readonly id: number
  readonly subscriber: Subscriber
  readonly subscription: Subscription
}

const NOBODY: Route = { targets: [] }
/** Receivers up to which routes are shared by topics. */
const MAX_SHARED_RECEIVERS = 16

/**
 * Topic -> receivers: a trie of filters, and a cache of what it answered. Any change of subscriptions empties the cache;
 * routes are asked for again within the next turns.
 */
export class RouteTable {
  readonly #trie = new SubscriptionTrie<Set<Subscribed>>()
  readonly #bySubscription = new Map<Subscription, Subscribed>()
  readonly #maxCached: number
  readonly #rules: TargetRules
  #cache = new Map<string, Route>()
  /** Routes by who is in them: topics with the same few receivers share one, so that runs of messages go over topics. */
  #shared = new Map<string, Route>()
  #nextId = 0

  constructor(settings: { readonly routeCacheTopics: number; readonly allowDuplicateMessages: boolean; readonly upgradeOutgoingQos: boolean }) {
    this.#maxCached = settings.routeCacheTopics
    this.#rules = settings
  }

  get isEmpty(): boolean {
    return this.#bySubscription.size === 0
  }

  add(subscriber: Subscriber, subscription: Subscription): void {
    const subscribed = { id: this.#nextId++, subscriber, subscription }
    this.#trie.getOrAdd(subscription.filter, () => new Set()).add(subscribed)
    this.#bySubscription.set(subscription, subscribed)
    this.invalidate()
  }

  remove(subscription: Subscription): void {
    const subscribed = this.#bySubscription.get(subscription)
    if (subscribed === undefined) return
    this.#bySubscription.delete(subscription)
    const all = this.#trie.get(subscription.filter)
    all?.delete(subscribed)
    if (all?.size === 0) this.#trie.delete(subscription.filter)
    this.invalidate()
  }

  /** Subscriptions or rights changed. */
  invalidate(): void {
    if (this.#cache.size > 0) this.#forget()
  }

  /** Topics whose receivers are remembered. */
  get size(): number {
    return this.#cache.size
  }

  route(topic: string): Route {
    const known = this.#cache.get(topic)
    if (known !== undefined) return known
    const route = this.#resolve(topic)
    if (this.#cache.size >= this.#maxCached) this.#forget()
    this.#cache.set(topic, route)
    return route
  }

  #forget(): void {
    this.#cache = new Map()
    this.#shared = new Map()
  }

  #resolve(topic: string): Route {
    const bySubscriber = new Map<Subscriber, Subscription[]>()
    const ids: number[] = []
    for (const all of this.#trie.match(topic)) {
      for (const { id, subscriber, subscription } of all) {
        const subscriptions = bySubscriber.get(subscriber)
        if (subscriptions !== undefined) subscriptions.push(subscription)
        else if (subscriber.mayRead(topic)) bySubscriber.set(subscriber, [subscription])
        else continue
        ids.push(id)
      }
    }
    if (bySubscriber.size === 0) return NOBODY
    const key = ids.length > MAX_SHARED_RECEIVERS ? null : ids.sort((a, b) => a - b).join()
    const shared = key === null ? undefined : this.#shared.get(key)
    if (shared !== undefined) return shared
    const targets: Target[] = []
    for (const [subscriber, subscriptions] of bySubscriber) targets.push(...targetsOf(subscriber, subscriptions, this.#rules))
    const route = { targets }
    if (key !== null) this.#shared.set(key, route)
    return route
  }
}

/** How copies are made. */
export interface TargetRules {
  /** One copy per matching subscription. */
  readonly allowDuplicateMessages: boolean
  readonly upgradeOutgoingQos: boolean
}

/** The copies one session gets of a message that matches these of its subscriptions. */
export function targetsOf(subscriber: Subscriber, subscriptions: readonly Subscription[], rules: TargetRules): Target[] {
  const overlaps = subscriptions.length > 1
  if (rules.allowDuplicateMessages || !overlaps) return subscriptions.map((subscription) => single(subscriber, subscription, overlaps, rules))
  const plain = subscriptions.filter((subscription) => subscription.cursor.replay === null)
  const replays = subscriptions.filter((subscription) => subscription.cursor.replay !== null)
  const targets = replays.map((subscription) => single(subscriber, subscription, overlaps, rules))
  if (plain.length > 0) targets.push(merged(subscriber, plain, rules))
  return targets
}

function single(subscriber: Subscriber, subscription: Subscription, overlaps: boolean, rules: TargetRules): Target {
  const target = {
    subscriber,
    subscription,
    qos: subscription.qos,
    ids: subscription.ids,
    retainAsPublished: subscription.retainAsPublished,
    raw: subscription.prefix === '' && takesRaw(subscription, rules),
    overlaps,
    whenOwn: null as Target | null,
  }
  if (!subscription.noLocal) target.whenOwn = target
  return target
}

/** One copy at the highest QoS with all identifiers [MQTT-3.3.4-2], [MQTT-3.3.4-3]. */
function merged(subscriber: Subscriber, subscriptions: readonly Subscription[], rules: TargetRules): Target {
  const best = subscriptions.reduce((a, b) => (b.qos > a.qos ? b : a))
  const foreign = subscriptions.filter((subscription) => !subscription.noLocal)
  const target = {
    subscriber,
    subscription: best,
    qos: best.qos,
    ids: subscriptions.flatMap((subscription) => subscription.ids),
    retainAsPublished: subscriptions.some((subscription) => subscription.retainAsPublished),
    raw: subscriptions.every((subscription) => takesRaw(subscription, rules)),
    overlaps: false,
    whenOwn: null as Target | null,
  }
  if (foreign.length === subscriptions.length) target.whenOwn = target
  else if (foreign.length > 0) target.whenOwn = merged(subscriber, foreign, rules)
  return target
}

/** Whether a QoS 0 packet can go to this subscription as it came in. */
function takesRaw(subscription: Subscription, rules: TargetRules): boolean {
  const upgraded = rules.upgradeOutgoingQos && subscription.qos > 0
  return subscription.ids.length === 0 && !subscription.noLocal && !subscription.cursor.includesQos0 && !upgraded
}
