import type { Chunks } from './chunk-writer.ts'
import { ChunkWriter } from './chunk-writer.ts'
import type { InOfShape, OutOfShape, Shape } from './fields.ts'
import { int16, int32, nullable, string } from './fields.ts'
import { MalformedMessage } from './malformed-message.ts'
import type { Cursor, Message } from './message.ts'
import { decode, encodeInto, expectedBytes, isFlexible, message } from './message.ts'

/**
 * Frames: int32 size, header, message. Request headers are v1, or v2 with tagged fields where the message is flexible;
 * response headers v0 or v1 likewise, but ApiVersions answers always begin with v0, so that a client can read them before
 * it knows anything. `client_id` keeps its 2-byte length in both (KIP-482).
 */

const API_VERSIONS = 18

/** Bytes before the header. */
export const SIZE_BYTES = 4

/** The part of every request header that can be read before it is known whether the API exists. */
export interface RequestStart {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
}

export interface RequestHeader extends RequestStart {
  readonly clientId: string | null
  /** Where the message begins. */
  readonly bodyOffset: number
}

/** Reads key, version and correlation id; `offset` is that of the header, after the size. Throws MalformedMessage. */
export function decodeRequestStart(frame: Uint8Array, offset = 0): RequestStart {
  return decode(Start, 0, frame, offset)
}

/** Reads the whole header of a request whose message is `flexible`. Throws MalformedMessage. */
export function decodeRequestHeader(frame: Uint8Array, flexible: boolean, offset = 0): RequestHeader {
  const cursor: Cursor = { ended: 0 }
  const { apiKey, apiVersion, correlationId, clientId } = decode(HeaderV1, 1, frame, offset, cursor)
  if (flexible) decode(Tags, 0, frame, cursor.ended, cursor)
  return { apiKey, apiVersion, correlationId, clientId, bodyOffset: cursor.ended }
}

/** A whole request frame, size included. */
export function encodeRequest<S extends Shape>(
  request: Message<S>,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  value: InOfShape<S>,
): Chunks {
  const writer = newFrame(request, version)
  encodeInto(writer, HeaderV1, 1, { apiKey: request.key, apiVersion: version, correlationId: header.correlationId, clientId: header.clientId })
  if (isFlexible(request, version)) encodeInto(writer, Tags, 0, {})
  encodeInto(writer, request, version, value)
  return closeFrame(writer)
}

/** A whole response frame, size included. Record batches are among the chunks as they are. */
export function encodeResponse<S extends Shape>(response: Message<S>, version: number, correlationId: number, value: InOfShape<S>): Chunks {
  const writer = newFrame(response, version)
  encodeInto(writer, ResponseHeader, 0, { correlationId })
  if (hasResponseTags(response, version)) encodeInto(writer, Tags, 0, {})
  encodeInto(writer, response, version, value)
  return closeFrame(writer)
}

/** Reads a response; `offset` is that of the header, after the size. Throws MalformedMessage. */
export function decodeResponse<S extends Shape>(
  response: Message<S>,
  version: number,
  frame: Uint8Array,
  offset = 0,
  cursor: Cursor = { ended: 0 },
): { readonly correlationId: number; readonly value: OutOfShape<S> } {
  const { correlationId } = decode(ResponseHeader, 0, frame, offset, cursor)
  if (hasResponseTags(response, version)) decode(Tags, 0, frame, cursor.ended, cursor)
  return { correlationId, value: decode(response, version, frame, cursor.ended, cursor) }
}

/** Reads the size in front of a frame. Throws MalformedMessage where it is negative or above `maxBytes`. */
export function readFrameSize(buffer: Uint8Array, offset: number, maxBytes: number): number {
  const size = decode(Size, 0, buffer, offset).size
  if (size < 0 || size > maxBytes) throw new MalformedMessage(`a frame of ${size} bytes; at most ${maxBytes} are allowed`)
  return size
}

function hasResponseTags(response: Message, version: number): boolean {
  return isFlexible(response, version) && response.key !== API_VERSIONS
}

const Size = message({ key: -1, name: 'FrameSize', versions: [0, 0] }, { size: int32 })
const Start = message({ key: -1, name: 'RequestStart', versions: [0, 0] }, { apiKey: int16, apiVersion: int16, correlationId: int32 })
const HeaderV1 = message(
  { key: -1, name: 'RequestHeader', versions: [1, 1] },
  { apiKey: int16, apiVersion: int16, correlationId: int32, clientId: nullable(string) },
)
const ResponseHeader = message({ key: -1, name: 'ResponseHeader', versions: [0, 0] }, { correlationId: int32 })
/** The tagged fields behind a header; none is known. */
const Tags = message({ key: -1, name: 'HeaderTags', versions: [0, 0], flexible: 0 }, {})

function newFrame(body: Message, version: number): ChunkWriter {
  const writer = new ChunkWriter(expectedBytes(body, version))
  writer.position = SIZE_BYTES
  return writer
}

function closeFrame(writer: ChunkWriter): Chunks {
  const size = writer.byteLength - SIZE_BYTES
  const chunks = writer.finish()
  const first = chunks[0] as Uint8Array
  first[0] = size >>> 24
  first[1] = size >>> 16
  first[2] = size >>> 8
  first[3] = size
  return chunks
}
