import { REASON } from './reason-codes.ts'

/** What is wrong with bytes: the reason code that says so in 5.0, and words for the log and the Reason String. */
export interface Fault {
  readonly reason: number
  readonly message: string
}

/**
 * Reads fields of a packet that lies whole in `bytes`. After the first fault every read answers zero or nothing and stays
 * where it is: a decoder reads on to its end and then looks at `fault`.
 */
export class WireReader {
  bytes: Buffer
  at: number
  end: number
  fault: Fault | null = null

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Reads another packet from now on; one reader serves a whole connection. */
  reset(bytes: Buffer, at: number, end: number): void {
    this.bytes = bytes
    this.at = at
    this.end = end
    this.fault = null
  }

  /** Remembers the first fault and ends all reading. */
  fail(reason: number, message: string): void {
    this.fault ??= { reason, message }
    this.at = this.end
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** Whether `count` more bytes are there; else it is a fault. */
  need(count: number): boolean {
    if (this.end - this.at >= count) return true
    this.fail(REASON.malformedPacket, 'the packet ends within a field')
    return false
  }

  uint8(): number {
    if (!this.need(1)) return 0
    return this.bytes[this.at++] as number
  }

  uint16(): number {
    if (!this.need(2)) return 0
    const at = this.at
    this.at = at + 2
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number)
  }

  uint32(): number {
    if (!this.need(4)) return 0
    const value = this.bytes.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  /** A variable byte integer of up to four bytes, as short as it can be [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      if (!this.need(1)) return 0
      const byte = this.bytes[this.at++] as number
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) break
        return value
      }
    }
    this.fail(REASON.malformedPacket, 'a variable byte integer is longer than it may be')
    return 0
  }

  /** UTF-8 without U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2]; a leading U+FEFF is kept [MQTT-1.5.4-3]. */
  string(what: string): string {
    const length = this.uint16()
    if (!this.need(length)) return ''
    const from = this.at
    this.at = from + length
    return decodeText(this, from, from + length, what)
  }

  /** A view. */
  binary(): Buffer {
    const length = this.uint16()
    if (!this.need(length)) return EMPTY
    const view = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return view
  }

  /** What is left, as a view. */
  rest(): Buffer {
    const view = this.bytes.subarray(this.at, this.end)
    this.at = this.end
    return view
  }
}

export const EMPTY = Buffer.alloc(0)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text in `from`..`to`; a fault of `reader` where it is none. */
export function decodeText(reader: WireReader, from: number, to: number, what: string): string {
  const { bytes } = reader
  let at = from
  while (at < to && (bytes[at] as number) < 0x80 && bytes[at] !== 0) at++
  if (at === to) return bytes.toString('latin1', from, to)
  try {
    const text = utf8.decode(bytes.subarray(from, to))
    if (!text.includes('\u0000')) return text
    reader.fail(REASON.malformedPacket, `the ${what} has a U+0000`)
  } catch {
    reader.fail(REASON.malformedPacket, `the ${what} is not well-formed UTF-8`)
  }
  return ''
}
