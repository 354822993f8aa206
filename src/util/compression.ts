import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { measureLz4Frame } from './lz4-frame.ts'
import { frameBlocks, framedBlocks, isXerial, plainBlocks, snappyBlockBytes } from './xerial-snappy.ts'

/**
 * The codecs of record batches, by their number in the batch's attributes. Both directions come in an asynchronous form,
 * whose work is done outside the event loop, and in a synchronous one for inputs so small that a trip to another thread
 * costs more (about 4 KB). What decompression may produce is bounded before memory is taken for it.
 */

export const COMPRESSION_CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
type CompressionName = keyof typeof COMPRESSION_CODECS
export type CompressionCodec = (typeof COMPRESSION_CODECS)[CompressionName]

/** Bytes that cannot be decompressed, or that would become larger than allowed. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError'
  readonly reason: 'corrupt' | 'too-large' | 'unknown-codec'

  constructor(reason: CompressionError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** `decompress`, or what stands for it where time is simulated. */
/** As `compress` does it, or what stands in for it. */
export type Compress = (codec: CompressionCodec, input: Uint8Array, level?: number) => Promise<Uint8Array>

export type Decompress = (codec: number, input: Uint8Array, maxBytes: number) => Promise<Uint8Array>

/** The whole output, at most `maxBytes`. Rejects with a CompressionError and nothing else. Codec 0 gives the input itself. */
export async function decompress(codec: number, input: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await codecOf(codec).decompress(input, maxBytes)
  } catch (error) {
    throw asCompressionError(error, codec, maxBytes)
  }
}

/** As `decompress`, within the call. */
export function decompressSync(codec: number, input: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return codecOf(codec).decompressSync(input, maxBytes)
  } catch (error) {
    throw asCompressionError(error, codec, maxBytes)
  }
}

/**
 * What other Kafka clients read: snappy in xerial's framing, lz4 as a frame. Codec 0 gives the input itself. `level` is that of
 * gzip (1 to 9) and zstd (up to 22); left out, or for other codecs: their own.
 */
export async function compress(codec: CompressionCodec, input: Uint8Array, level?: number): Promise<Uint8Array> {
  return codecOf(codec).compress(input, level)
}

/** As `compress`, within the call. */
export function compressSync(codec: CompressionCodec, input: Uint8Array, level?: number): Uint8Array {
  return codecOf(codec).compressSync(input, level)
}

interface Codec {
  compress(input: Uint8Array, level?: number): Promise<Uint8Array>
  compressSync(input: Uint8Array, level?: number): Uint8Array
  decompress(input: Uint8Array, maxBytes: number): Promise<Uint8Array>
  decompressSync(input: Uint8Array, maxBytes: number): Uint8Array
}

// The native packages are loaded when the first batch needs them.
const require = createRequire(import.meta.url)
const snappyPackage = (): typeof import('snappy') => require('snappy')
const lz4Package = (): typeof import('lz4-napi') => require('lz4-napi')

const gzip = promisify(zlib.gzip)
const gunzip = promisify(zlib.gunzip)
const zstdCompress = promisify(zlib.zstdCompress)
const zstdDecompress = promisify(zlib.zstdDecompress)

const CODECS: Record<CompressionCodec, Codec> = {
  [COMPRESSION_CODECS.none]: {
    compress: async (input) => input,
    compressSync: (input) => input,
    decompress: async (input, maxBytes) => atMost(maxBytes, input),
    decompressSync: (input, maxBytes) => atMost(maxBytes, input),
  },
  [COMPRESSION_CODECS.gzip]: {
    compress: (input, level) => gzip(input, gzipOptions(level)),
    compressSync: (input, level) => zlib.gzipSync(input, gzipOptions(level)),
    decompress: async (input, maxBytes) => atMost(maxBytes, await gunzip(input, { maxOutputLength: outputLimit(maxBytes) })),
    decompressSync: (input, maxBytes) => atMost(maxBytes, zlib.gunzipSync(input, { maxOutputLength: outputLimit(maxBytes) })),
  },
  [COMPRESSION_CODECS.snappy]: {
    compress: async (input) => frameBlocks(await Promise.all(plainBlocks(input).map((block) => snappyPackage().compress(block)))),
    compressSync: (input) => frameBlocks(plainBlocks(input).map((block) => snappyPackage().compressSync(block))),
    decompress: async (input, maxBytes) => {
      const outputs: Uint8Array[] = []
      for (const block of snappyBlocks(input, maxBytes)) outputs.push((await snappyPackage().uncompress(block, { asBuffer: true })) as Buffer)
      return joined(outputs)
    },
    decompressSync: (input, maxBytes) =>
      joined(snappyBlocks(input, maxBytes).map((block) => snappyPackage().uncompressSync(block, { asBuffer: true }) as Buffer)),
  },
  [COMPRESSION_CODECS.lz4]: {
    compress: (input) => lz4Package().compressFrame(input),
    compressSync: (input) => lz4Package().compressFrameSync(asBuffer(input)),
    decompress: (input, maxBytes) => lz4Package().decompressFrame(lz4Frame(input, maxBytes)),
    decompressSync: (input, maxBytes) => lz4Package().decompressFrameSync(asBuffer(lz4Frame(input, maxBytes))),
  },
  [COMPRESSION_CODECS.zstd]: {
    compress: (input, level) => zstdCompress(input, zstdOptions(level)),
    compressSync: (input, level) => zlib.zstdCompressSync(input, zstdOptions(level)),
    decompress: async (input, maxBytes) => atMost(maxBytes, await zstdDecompress(input, { maxOutputLength: outputLimit(maxBytes) })),
    decompressSync: (input, maxBytes) => atMost(maxBytes, zlib.zstdDecompressSync(input, { maxOutputLength: outputLimit(maxBytes) })),
  },
}

function gzipOptions(level: number | undefined): zlib.ZlibOptions {
  return level === undefined ? {} : { level }
}

function zstdOptions(level: number | undefined): zlib.ZstdOptions {
  return level === undefined ? {} : { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }
}

function codecOf(codec: number): Codec {
  const found = CODECS[codec as CompressionCodec]
  if (found === undefined) throw new CompressionError('unknown-codec', `compression codec ${codec} is not known; 0 to 4 are`)
  return found
}

/** The raw snappy blocks of either form, when together they become at most `maxBytes`. */
function snappyBlocks(input: Uint8Array, maxBytes: number): readonly Uint8Array[] {
  const blocks = isXerial(input) ? framedBlocks(input) : [input]
  let total = 0
  for (const block of blocks) total += snappyBlockBytes(block)
  limit(total, maxBytes)
  return blocks
}

/** The frame alone, when it becomes at most `maxBytes`. */
function lz4Frame(input: Uint8Array, maxBytes: number): Uint8Array {
  const frame = measureLz4Frame(input, maxBytes)
  limit(frame.plainBytes, maxBytes)
  return input.subarray(0, frame.end)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}

function limit(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new CompressionError('too-large', `the batch becomes larger than ${maxBytes} bytes when decompressed`)
}

function atMost(maxBytes: number, output: Uint8Array): Uint8Array {
  limit(output.length, maxBytes)
  return output
}

/** zlib refuses a limit of 0. */
function outputLimit(maxBytes: number): number {
  return Math.max(1, maxBytes)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function asCompressionError(error: unknown, codec: number, maxBytes: number): CompressionError {
  if (error instanceof CompressionError) return error
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
    return new CompressionError('too-large', `the batch becomes larger than ${maxBytes} bytes when decompressed`, { cause: error })
  }
  return new CompressionError('corrupt', `the batch cannot be decompressed (codec ${codec}): ${(error as Error).message}`, { cause: error })
}
