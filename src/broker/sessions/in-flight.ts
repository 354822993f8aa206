import type { StoredMessage } from '../topics/mapping/record-to-message.ts'
import type { PartitionTail } from './partition-tail.ts'

/** How far the exchange of one outgoing message is. */
type InFlightState =
  /** QoS 2 of a session that outlives its connection: the packet id is on its way to disk, nothing was sent. */
  | 'assigning'
  /** PUBLISH was sent: PUBACK or PUBREC follows. */
  | 'published'
  /** PUBREC came and is on its way to disk. */
  | 'receiving'
  /** PUBREL was sent: PUBCOMP follows. */
  | 'released'

/** A QoS 1 or 2 message given to the client and not finished. Holds its place in the log rather than its bytes. */
export interface InFlight {
  readonly packetId: number
  /** Null for a message that is in no log. */
  readonly tail: PartitionTail | null
  readonly offset: number
  /** The message itself where it is in no log, or while its packet id is on its way to disk; else null. */
  kept: StoredMessage | null
  readonly qos: 1 | 2
  /** RETAIN of the packet. */
  readonly retain: boolean
  readonly ids: readonly number[]
  /** What its topic is prefixed with. */
  readonly prefix: string
  /** The subscription it is for, as the client wrote it. */
  readonly filter: string
  state: InFlightState
  /** Whether PUBLISH went out once: a further one is a duplicate [MQTT-3.3.1-1]. */
  sent: boolean
  /** Whether it was sent, or repeated, on the connection of now. */
  onWire: boolean
}
