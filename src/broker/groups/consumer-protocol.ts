import { readInt16, readInt32 } from '../../util/big-endian.ts'

/** What a classic consumer tells its group's leader (ConsumerProtocolSubscription). */
export interface ConsumerSubscription {
  readonly version: number
  readonly topics: readonly string[]
  /** Version 1 and later: what it has now; empty before. */
  readonly owned: readonly NamedPartitions[]
  /** Version 3 and later. */
  readonly rackId: string | null
}

/** What a leader gives a classic consumer (ConsumerProtocolAssignment). */
export interface ConsumerAssignment {
  readonly partitions: readonly NamedPartitions[]
  /** For the assignor of the client alone; null where there is none. */
  readonly userData: Uint8Array | null
}

export interface NamedPartitions {
  readonly topicName: string
  readonly partitions: readonly number[]
}

/** Newer versions begin as this one does. */
const NEWEST_VERSION = 3

/** Null where the bytes are no such thing. */
export function readSubscription(metadata: Uint8Array): ConsumerSubscription | null {
  return readAll(metadata, (reader) => {
    const version = Math.min(reader.version(), NEWEST_VERSION)
    const topics = reader.array(() => reader.string())
    reader.nullableBytes()
    const owned = version >= 1 ? reader.namedPartitions() : []
    if (version >= 2) reader.int32()
    const rackId = version >= 3 ? reader.nullableString() : null
    return { version, topics, owned, rackId }
  })
}

/** Null where the bytes are no such thing. */
export function readAssignment(bytes: Uint8Array): ConsumerAssignment | null {
  return readAll(bytes, (reader) => {
    reader.version()
    const partitions = reader.namedPartitions()
    return { partitions, userData: reader.nullableBytes() }
  })
}

/** An assignment without user data; all versions look alike. */
export function writeAssignment(version: number, partitions: readonly NamedPartitions[]): Uint8Array {
  const sizes = partitions.map((topic) => 2 + Buffer.byteLength(topic.topicName) + 4 + 4 * topic.partitions.length)
  const bytes = Buffer.alloc(2 + 4 + sizes.reduce((total, size) => total + size, 0) + 4)
  let at = bytes.writeInt16BE(version, 0)
  at = bytes.writeInt32BE(partitions.length, at)
  for (const topic of partitions) {
    at = bytes.writeInt16BE(Buffer.byteLength(topic.topicName), at)
    at += bytes.write(topic.topicName, at)
    at = bytes.writeInt32BE(topic.partitions.length, at)
    for (const partition of topic.partitions) at = bytes.writeInt32BE(partition, at)
  }
  bytes.writeInt32BE(-1, at)
  return bytes
}

class Malformed extends Error {}

function readAll<T>(bytes: Uint8Array, read: (reader: Reader) => T): T | null {
  try {
    return read(new Reader(bytes))
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  version(): number {
    const version = this.#int16()
    if (version < 0) throw new Malformed()
    return version
  }

  int32(): number {
    return readInt32(this.#bytes, this.#skip(4))
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw new Malformed()
    return text
  }

  nullableString(): string | null {
    const length = this.#int16()
    if (length < 0) return null
    const start = this.#skip(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  nullableBytes(): Uint8Array | null {
    const length = this.int32()
    if (length < 0) return null
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  namedPartitions(): NamedPartitions[] {
    return this.array(() => ({ topicName: this.string(), partitions: this.array(() => this.int32()) }))
  }

  array<T>(read: () => T): T[] {
    const count = this.int32()
    // Every element takes at least two bytes.
    if (count < 0 || count > this.#bytes.length / 2) throw new Malformed()
    return Array.from({ length: count }, read)
  }

  #int16(): number {
    return readInt16(this.#bytes, this.#skip(2))
  }

  #skip(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw new Malformed()
    this.#at = start + length
    return start
  }
}
