import type { Chunks } from './chunk-writer.ts'
import { ChunkWriter } from './chunk-writer.ts'
import type { Decoder } from './decoder.ts'
import { compileDecoder } from './decoder.ts'
import type { Encoder } from './encoder.ts'
import { compileEncoder } from './encoder.ts'
import type { InOfShape, OutOfShape, Shape } from './fields.ts'
import type { FieldLayout } from './layout.ts'
import { layoutOf } from './layout.ts'

/**
 * Messages of the Kafka protocol as tables, and their codecs.
 *
 *     export const HeartbeatRequest = message({ key: 12, name: 'HeartbeatRequest', versions: [0, 4], flexible: 4 }, {
 *       groupId: string, generationId: int32, memberId: string, groupInstanceId: since(3, nullable(string), null),
 *     })
 *     export type HeartbeatRequest = Infer<typeof HeartbeatRequest>
 *
 *     decode(HeartbeatRequest, version, buffer, offset)   gives every field in every version, defaults where the version lacks it
 *     encode(HeartbeatRequest, version, value)            gives chunks; takes `Input<typeof HeartbeatRequest>`, where fields with a
 *                                                         default may be left out, and ignores fields the version lacks
 *
 * Whole frames with size and header: frame.ts. Codecs are compiled on first use, one straight-line function for each
 * message and version, and live as long as the table. Field names are those of Kafka's message specifications with a
 * lower-case first letter; scripts/check-kafka-messages.ts compares every table with them.
 */
export interface Message<S extends Shape = Shape> {
  readonly key: number
  readonly name: string
  /** First and last version the table describes. */
  readonly versions: readonly [first: number, last: number]
  /** First flexible version (KIP-482): compact lengths and tagged fields. Infinity for never. */
  readonly flexible: number
  readonly shape: S
  readonly codecs: VersionCodec[]
}

interface VersionCodec {
  decoder: Decoder | null
  encoder: Encoder | null
  /** What the encoder's first buffer should hold: follows the sizes of what was written before. */
  expectedBytes: number
}

/** What `decode` gives. */
export type Infer<M> = M extends Message<infer S> ? OutOfShape<S> : never
/** What `encode` takes. */
export type Input<M> = M extends Message<infer S> ? InOfShape<S> : never

export interface MessageHead {
  readonly key: number
  readonly name: string
  readonly versions: readonly [first: number, last: number]
  /** Left out: no version is flexible. */
  readonly flexible?: number
}

/** Defines a message. */
export function message<S extends Shape>(head: MessageHead, shape: S): Message<S> {
  return { key: head.key, name: head.name, versions: head.versions, flexible: head.flexible ?? Infinity, shape, codecs: [] }
}

/** Whether `version` of the message is described by its table. */
function hasVersion(message: Message, version: number): boolean {
  return version >= message.versions[0] && version <= message.versions[1]
}

export function isFlexible(message: Message, version: number): boolean {
  return version >= message.flexible
}

/** The fields of the message as they are in one version. */
export function layoutOfMessage(message: Message, version: number): readonly FieldLayout[] {
  return layoutOf(message.shape, version, isFlexible(message, version))
}

/** Where a decoded message ended. */
export interface Cursor {
  ended: number
}

/**
 * Reads a message that begins at `offset`. Byte fields are views into `buffer`. What follows the message is ignored, as
 * Kafka does; `cursor` tells where it begins. Throws MalformedMessage, and nothing else, whatever the bytes are.
 */
export function decode<S extends Shape>(message: Message<S>, version: number, buffer: Uint8Array, offset = 0, cursor: Cursor = { ended: 0 }): OutOfShape<S> {
  const codec = codecOf(message, version)
  codec.decoder ??= compileDecoder(`${message.name}V${version}`, layoutOfMessage(message, version), isFlexible(message, version))
  return codec.decoder(asBuffer(buffer), offset, cursor) as OutOfShape<S>
}

/** Writes a message; its record batches are among the chunks as they are. Throws RangeError where a value does not fit (a bug). */
export function encode<S extends Shape>(message: Message<S>, version: number, value: InOfShape<S>): Chunks {
  const writer = new ChunkWriter(expectedBytes(message, version))
  encodeInto(writer, message, version, value)
  return writer.finish()
}

/** Writes a message behind what `writer` holds. */
export function encodeInto<S extends Shape>(writer: ChunkWriter, message: Message<S>, version: number, value: InOfShape<S>): void {
  const codec = codecOf(message, version)
  codec.encoder ??= compileEncoder(`${message.name}V${version}`, layoutOfMessage(message, version), isFlexible(message, version))
  const before = writer.position
  codec.encoder(writer, value)
  codec.expectedBytes = nextExpectation(codec.expectedBytes, writer.position - before)
}

/** How large a buffer the next message of this kind will probably need. */
export function expectedBytes(message: Message, version: number): number {
  return codecOf(message, version).expectedBytes + FRAME_ROOM
}

/** Size and header of a frame, so that they share the buffer of the message. */
const FRAME_ROOM = 64
const LEAST_EXPECTED_BYTES = 128

/** Rises at once, falls slowly: growing costs a copy, a little too much costs nothing. */
function nextExpectation(expected: number, written: number): number {
  if (written + 32 > expected) return written + 32 + (written >>> 3)
  return Math.max(LEAST_EXPECTED_BYTES, expected - ((expected - written) >>> 4))
}

function codecOf(message: Message, version: number): VersionCodec {
  const known = message.codecs[version]
  if (known !== undefined) return known
  if (!hasVersion(message, version)) throw new RangeError(`${message.name} has no version ${version}, only ${message.versions.join(' to ')}`)
  const codec: VersionCodec = { decoder: null, encoder: null, expectedBytes: LEAST_EXPECTED_BYTES }
  message.codecs[version] = codec
  return codec
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
