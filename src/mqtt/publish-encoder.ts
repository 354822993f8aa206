import type { Delivery, Message, ProtocolLevel } from '../broker/sessions/ports.ts'
import type { Output } from './output.ts'
import { encodePublishHead, type PublishHead, patchPublishHead } from './wire/encode-publish.ts'

/** Heads of one message differ by level, QoS, retain and identifiers; more kinds than this at once are encoded again. */
const MAX_VARIANTS = 8
const NO_IDENTIFIERS: readonly number[] = []

interface Variant {
  readonly level: ProtocolLevel
  readonly delivery: Delivery
  readonly head: PublishHead
}

/**
 * Writes PUBLISH packets: a message that goes to many receivers is encoded once for each kind of receiver, and only packet id
 * and DUP are set per receiver. One for all connections, since a message goes to all its receivers before the next one.
 */
export class PublishEncoder {
  #message: Message | null = null
  #variants: Variant[] = []

  /** Adds the packet to the output; false where it would exceed `maximumPacketSize`. */
  write(output: Output, delivery: Delivery, level: ProtocolLevel, packetId: number, dup: boolean, maximumPacketSize: number): boolean {
    const { message } = delivery
    if (isAsReceived(delivery, level)) {
      const packet = message.packet as Uint8Array
      if (packet.length > maximumPacketSize) return false
      output.write(packet)
      return true
    }
    const head = this.#headOf(delivery, level)
    if (head.bytes.length + message.payload.length > maximumPacketSize) return false
    const at = output.reserve(head.bytes.length)
    output.buffer.set(head.bytes, at)
    patchPublishHead(output.buffer, at, head, packetId, dup)
    output.write(message.payload)
    return true
  }

  #headOf(delivery: Delivery, level: ProtocolLevel): PublishHead {
    const { message } = delivery
    if (message !== this.#message) {
      if (this.#message === null || !haveSameHeads(this.#message, message)) this.#variants = []
      this.#message = message
    }
    for (const variant of this.#variants) if (variant.level === level && isSame(variant.delivery, delivery)) return variant.head
    const head = encodeHead(delivery, level)
    if (this.#variants.length < MAX_VARIANTS) this.#variants.push({ level, delivery, head })
    return head
  }
}

/** Whether the heads of one serve the other too: of what the message gives, only properties and the payload's length are in them. */
function haveSameHeads(one: Message, other: Message): boolean {
  return one.properties === null && other.properties === null && one.payload.length === other.payload.length
}

/** Whether the bytes that came in can go out as they are. */
function isAsReceived(delivery: Delivery, level: ProtocolLevel): boolean {
  const { message } = delivery
  if (message.packet === null || delivery.qos !== 0 || delivery.retain || (level === 5) !== (message.packetLevel === 5)) return false
  return delivery.subscriptionIds.length === 0 && delivery.topic === message.topic
}

function isSame(one: Delivery, other: Delivery): boolean {
  if (one === other) return true
  if (one.qos !== other.qos || one.retain !== other.retain || one.topic !== other.topic || one.expiryLeftS !== other.expiryLeftS) return false
  const ids = one.subscriptionIds
  return ids.length === other.subscriptionIds.length && ids.every((id, index) => id === other.subscriptionIds[index])
}

function encodeHead(delivery: Delivery, level: ProtocolLevel): PublishHead {
  const { message, expiryLeftS } = delivery
  // What is left of its life, not what it began with [MQTT-3.3.2-6].
  const properties = expiryLeftS === undefined ? message.properties : { ...message.properties, messageExpiryS: expiryLeftS }
  return encodePublishHead(
    {
      topic: delivery.topic,
      qos: delivery.qos,
      retain: delivery.retain,
      properties,
      topicAlias: 0,
      subscriptionIdentifiers: level === 5 ? delivery.subscriptionIds : NO_IDENTIFIERS,
      payloadBytes: message.payload.length,
    },
    level,
  )
}
