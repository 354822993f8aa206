import type { Cursor } from './cursor.ts'
import type { QoS } from './ports.ts'

/** One subscription of one session. */
export interface Subscription {
  /** As the client wrote it: what UNSUBSCRIBE names. */
  readonly text: string
  /** What topics are matched against. */
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  /** 0 or 1 identifiers. */
  readonly ids: readonly number[]
  /** `$replay/FROM/` where messages are delivered under that name, else empty. */
  readonly prefix: string
  /** Whose positions it follows: the session's own, or a replay's. */
  readonly cursor: Cursor
  /** Where it begins in partitions the session was behind on when it subscribed; null where nowhere. By partition key. */
  since: Map<string, number> | null
}

/** The QoS of one message for one subscription. */
export function effectiveQos(messageQos: QoS, subscribedQos: QoS, upgrade: boolean): QoS {
  return upgrade || subscribedQos < messageQos ? subscribedQos : messageQos
}
