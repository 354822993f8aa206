import type { InFlight } from './in-flight.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ExchangeRecord, PackedExchanges, SubscriptionRecord } from './session-codec.ts'
import type { Subscription } from './subscription.ts'
import { parseTopicFilter } from './topic-filter.ts'

/** What is kept of a subscription. */
export function subscriptionRecord(subscription: Subscription): SubscriptionRecord {
  const { qos, noLocal, retainAsPublished, retainHandling, ids, since } = subscription
  const replay = subscription.cursor.replay !== null
  return { qos, noLocal, retainAsPublished, retainHandling, ids, replay, ...(since === null ? {} : { since: Object.fromEntries(since) }) }
}

/** What is kept of an exchange whose message is in a log. */
export function exchangeRecord(entry: InFlight): ExchangeRecord {
  return {
    id: entry.packetId,
    tail: (entry.tail as PartitionTail).key,
    offset: entry.offset,
    qos: entry.qos,
    filter: entry.filter,
    ...(entry.retain ? { retain: true } : {}),
    ...(entry.ids.length > 0 ? { ids: entry.ids } : {}),
    ...(entry.prefix === '' ? {} : { prefix: entry.prefix }),
    ...(entry.state === 'receiving' || entry.state === 'released' ? { received: true } : {}),
  }
}

/** The exchange of a record, as if it had been sent on a former connection. */
export function exchangeOf(record: ExchangeRecord, tail: PartitionTail): InFlight {
  const { id, offset, qos, filter, retain, ids, prefix, received } = record
  return {
    packetId: id,
    tail,
    offset,
    kept: null,
    qos,
    retain: retain ?? false,
    ids: ids ?? [],
    prefix: prefix ?? '',
    filter,
    state: received === true ? 'released' : 'published',
    sent: true,
    onWire: false,
  }
}

const PACKED_NUMBERS = 5

/** The QoS 1 exchanges whose message is in a log, in their order. */
export function packExchanges(entries: Iterable<InFlight>): PackedExchanges {
  const tails = new Map<string, number>()
  const filters = new Map<string, number>()
  const numbers: number[] = []
  for (const { packetId, offset, qos, tail, filter, retain } of entries) {
    if (qos !== 1 || tail === null) continue
    numbers.push(packetId, offset, indexIn(tails, tail.key), indexIn(filters, filter), retain ? 1 : 0)
  }
  return { tails: [...tails.keys()], filters: [...filters.keys()], numbers }
}

export function* unpackExchanges(packed: PackedExchanges, subscriptions: ReadonlyMap<string, Subscription>): Iterable<ExchangeRecord> {
  const { tails, filters, numbers } = packed
  for (let at = 0; at + PACKED_NUMBERS <= numbers.length; at += PACKED_NUMBERS) {
    const [id, offset, tail, filter, retain] = numbers.slice(at, at + PACKED_NUMBERS) as [number, number, number, number, number]
    const text = filters[filter] as string
    const subscription = subscriptions.get(text)
    const record: ExchangeRecord = { id, offset, tail: tails[tail] as string, qos: 1, filter: text }
    yield {
      ...record,
      ...(retain === 1 ? { retain: true } : {}),
      ...(subscription === undefined ? {} : { ids: subscription.ids }),
      prefix: prefixOf(text),
    }
  }
}

/** `$replay/FROM/`, or empty. */
function prefixOf(text: string): string {
  const parsed = parseTopicFilter(text)
  return typeof parsed === 'string' ? '' : text.slice(0, text.length - parsed.filter.length)
}

function indexIn(known: Map<string, number>, text: string): number {
  const index = known.get(text) ?? known.size
  known.set(text, index)
  return index
}
