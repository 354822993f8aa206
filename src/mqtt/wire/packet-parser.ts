/**
 * Bytes from a socket to packets, in one pass over each chunk: payloads are views into it, only a packet that two chunks
 * share is copied, once. Feed a chunk, then take packets until there is none.
 */
import type { ProtocolLevel } from '../../broker/sessions/ports.ts'
import { checkFirstByte, type DecodeContext, decodePacket } from './decode.ts'
import { peekLevel } from './decode-connect.ts'
import type { Packet } from './packets.ts'
import { REASON } from './reason-codes.ts'
import { TopicTexts } from './topic-texts.ts'
import { EMPTY, type Fault, WireReader } from './wire-reader.ts'

export interface PacketParserSettings {
  /** Who sends what is parsed. */
  readonly sender: 'client' | 'server'
  /** The largest packet taken, in bytes, header and all; a larger one is a fault with 0x95. */
  readonly maximumPacketSize: number
}

/** Five fields of 65,535 bytes and room for properties. Before CONNECT is accepted nobody may make the broker keep more. */
const MAX_CONNECT_BYTES = 393_216
/** The first buffer for a packet that has not arrived whole. */
const MIN_PARTIAL_BYTES = 64

export class PacketParser {
  readonly #settings: PacketParserSettings
  readonly #context: DecodeContext
  /** The packet that has not arrived whole, in a buffer that grows with it: an announced length alone costs nothing. */
  #partial: Buffer = EMPTY
  #partialBytes = 0
  /** The length of that packet; 0 while its header is not whole. */
  #wanted = 0
  /** Bytes to parse: the packet that was pieced together, then the rest of the chunk. */
  #current: Buffer = EMPTY
  #at = 0
  #after: Buffer = EMPTY
  readonly #reader = new WireReader(EMPTY, 0, 0)
  #fault: Fault | null = null
  #faultLevel: ProtocolLevel = 4
  #faultInConnect = false

  constructor(settings: PacketParserSettings) {
    this.#settings = settings
    this.#context = { level: 0, sender: settings.sender, topics: new TopicTexts() }
  }

  /** What CONNECT agreed on; 0 before. */
  set level(level: ProtocolLevel) {
    this.#context.level = level
  }

  /** Why parsing ended for good, or null. */
  get fault(): Fault | null {
    return this.#fault
  }

  /** With a fault in a CONNECT: the level it spoke, which the answer takes its form from. */
  get faultLevel(): ProtocolLevel {
    return this.#context.level === 0 ? this.#faultLevel : this.#context.level
  }

  /** Whether the fault is in the body of a CONNECT, so that a CONNACK may answer it. */
  get faultInConnect(): boolean {
    return this.#faultInConnect
  }

  /** Bytes kept for a packet that has not arrived whole. */
  get pendingBytes(): number {
    return this.#partialBytes
  }

  /** Takes the next chunk; all packets of the one before were taken. */
  feed(chunk: Buffer): void {
    if (this.#fault !== null) return
    this.#current = chunk
    this.#at = 0
    if (this.#partialBytes > 0) this.#complete(chunk)
  }

  /** The next whole packet; null where there is none yet, or `fault` says why there will be none. */
  next(): Packet | null {
    while (this.#fault === null) {
      if (this.#at === this.#current.length) {
        if (this.#after.length === 0) {
          this.#reader.reset(EMPTY, 0, 0)
          this.#current = EMPTY
          this.#at = 0
          return null
        }
        this.#current = this.#after
        this.#after = EMPTY
        this.#at = 0
      }
      const size = this.#sizeAt(this.#current, this.#at)
      if (this.#fault !== null) return null
      if (size === 0 || size > this.#current.length - this.#at) {
        this.#keepPartial(size)
        return null
      }
      return this.#decode(size)
    }
    return null
  }

  #decode(size: number): Packet | null {
    const from = this.#at
    const firstByte = this.#current[from] as number
    let body = from + 2
    while ((this.#current[body - 1] as number) >= 0x80) body++
    const reader = this.#reader
    reader.reset(this.#current, body, from + size)
    const packet = decodePacket(reader, firstByte, from, this.#context)
    this.#at = from + size
    if (packet === null) {
      this.#faultInConnect = this.#context.level === 0
      this.#faultLevel = peekLevel(this.#current, body)
      this.#fail(reader.fault as Fault)
    }
    return packet
  }

  /** The length of the packet at `at`, header and all; 0 where the header is not whole. May set the fault. */
  #sizeAt(bytes: Buffer, at: number): number {
    const wrong = checkFirstByte(bytes[at] as number, this.#context)
    if (wrong !== null) {
      this.#fail(wrong)
      return 0
    }
    let remaining = 0
    for (let length = 1; length <= 4; length++) {
      const byte = bytes[at + length]
      if (byte === undefined) return 0
      remaining |= (byte & 0x7f) << (7 * (length - 1))
      if (byte < 0x80) {
        if (byte === 0 && length > 1) break
        return this.#checkSize(1 + length + remaining)
      }
    }
    this.#fail({ reason: REASON.malformedPacket, message: 'the remaining length is longer than it may be [MQTT-1.5.5-1]' })
    return 0
  }

  #checkSize(size: number): number {
    const limit = this.#context.level === 0 ? Math.min(MAX_CONNECT_BYTES, this.#settings.maximumPacketSize) : this.#settings.maximumPacketSize
    if (size <= limit) return size
    this.#fail({ reason: REASON.packetTooLarge, message: `a packet of ${size} bytes is larger than the maximum of ${limit}` })
    return 0
  }

  /** What is left of the current bytes is the beginning of a packet. */
  #keepPartial(size: number): void {
    const rest = this.#current.subarray(this.#at)
    this.#wanted = size
    this.#take(rest)
    this.#current = EMPTY
    this.#at = 0
  }

  /** Takes from the chunk what the begun packet lacks. */
  #complete(chunk: Buffer): void {
    if (this.#wanted === 0) {
      // A header has at most five bytes.
      const head = Buffer.concat([this.#partial.subarray(0, this.#partialBytes), chunk.subarray(0, 5)])
      this.#wanted = this.#sizeAt(head, 0)
      if (this.#fault !== null) return
    }
    const lacking = this.#wanted === 0 ? Number.POSITIVE_INFINITY : this.#wanted - this.#partialBytes
    if (chunk.length < lacking) {
      this.#take(chunk)
      this.#current = EMPTY
      return
    }
    this.#take(chunk.subarray(0, lacking))
    this.#current = this.#partial.subarray(0, this.#wanted)
    this.#after = chunk.subarray(lacking)
    this.#partial = EMPTY
    this.#partialBytes = 0
    this.#wanted = 0
  }

  #take(bytes: Buffer): void {
    const total = this.#partialBytes + bytes.length
    if (total > this.#partial.length) {
      const capacity = Math.max(total, Math.min(this.#wanted, total * 2), MIN_PARTIAL_BYTES)
      const grown = Buffer.allocUnsafe(capacity)
      this.#partial.copy(grown, 0, 0, this.#partialBytes)
      this.#partial = grown
    }
    bytes.copy(this.#partial, this.#partialBytes)
    this.#partialBytes = total
  }

  #fail(fault: Fault): void {
    this.#fault = fault
    this.#partial = EMPTY
    this.#partialBytes = 0
    this.#current = EMPTY
    this.#after = EMPTY
    this.#at = 0
  }
}
