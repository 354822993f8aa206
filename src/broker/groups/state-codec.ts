import { readInt64, writeInt64 } from '../../util/big-endian.ts'

/** Writes state values: unsigned varints (7 bits a byte, low bits first, up to 2^53), int64s, and strings and bytes behind their length. */
export class StateWriter {
  #bytes = Buffer.allocUnsafe(256)
  #at = 0

  /** A whole number from 0 to 2^53-1. */
  unsigned(value: number): void {
    this.#reserve(8)
    while (value >= 0x80) {
      this.#bytes[this.#at++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    this.#bytes[this.#at++] = value
  }

  /** Eight bytes, big-endian: for what may be negative. */
  int64(value: number): void {
    this.#reserve(8)
    writeInt64(this.#bytes, this.#at, value)
    this.#at += 8
  }

  string(text: string): void {
    const length = Buffer.byteLength(text)
    this.unsigned(length)
    this.#text(text, length)
  }

  nullableString(text: string | null): void {
    if (text === null) {
      this.unsigned(0)
      return
    }
    const length = Buffer.byteLength(text)
    this.unsigned(length + 1)
    this.#text(text, length)
  }

  bytes(bytes: Uint8Array): void {
    this.unsigned(bytes.length)
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** What was written; the writer is used up. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  #text(text: string, length: number): void {
    this.#reserve(length)
    this.#bytes.write(text, this.#at)
    this.#at += length
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** Reads what a `StateWriter` wrote; throws a RangeError where the bytes end too early. */
export class StateReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  unsigned(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('a state value ends too early')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }

  int64(): number {
    return readInt64(this.#take(8), 0)
  }

  string(): string {
    const bytes = this.#take(this.unsigned())
    return bytes.toString()
  }

  nullableString(): string | null {
    const length = this.unsigned()
    return length === 0 ? null : this.#take(length - 1).toString()
  }

  /** A copy. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#take(this.unsigned()))
  }

  array<T>(read: () => T): T[] {
    const items: T[] = []
    for (let left = this.unsigned(); left > 0; left--) items.push(read())
    return items
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('a state value ends too early')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }
}
