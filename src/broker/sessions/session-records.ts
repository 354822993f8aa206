import type { InFlight } from './in-flight.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ExchangeRecord, SubscriptionRecord } from './session-codec.ts'
import type { Subscription } from './subscription.ts'

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
