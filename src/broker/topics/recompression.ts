import { BATCH_HEADER_BYTES, batchCompression, batchRecordsSection, withRecordsSection } from '../../log/record-batch.ts'
import { type Compress, type CompressionCodec, CompressionError, type Decompress } from '../../util/compression.ts'
import { ERRORS } from '../errors.ts'
import { checkBatchForTopic } from './check-batch.ts'
import { type BatchFailure, checkRecords, refused } from './check-records.ts'
import type { Partition } from './partition.ts'
import type { TopicSettings } from './topic-config.ts'

/** What a batch became: its bytes as its topic wants them, or why it cannot become that. */
type Recompressed = Uint8Array | BatchFailure

/** A batch whose turn has not come. */
interface Job {
  outcome: Recompressed | null
  readonly append: (outcome: Recompressed) => void
}

/**
 * `compression.type`: batches that came in another codec than their topic wants are compressed anew, outside the event loop. On a compacted
 * topic, which takes no record without a key, compressed batches are opened to be looked at.
 * Batches of one partition keep their order. Nothing is done, and nothing waits, where a topic takes what producers send.
 */
export class Recompression {
  readonly #decompress: Decompress
  readonly #compress: Compress
  readonly #maxWaitingBytes: number
  /** Batches by partition, in the order they came; a partition is here only while one of its batches waits. */
  readonly #queues = new Map<Partition, Job[]>()
  #waitingBytes = 0

  /** Beyond `maxWaitingBytes` of batches under way a further one is refused with REQUEST_TIMED_OUT, which producers try again. */
  constructor(decompress: Decompress, compress: Compress, maxWaitingBytes: number) {
    this.#decompress = decompress
    this.#compress = compress
    this.#maxWaitingBytes = maxWaitingBytes
  }

  /** Bytes of batches under way. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Hands the batch on as its topic wants it, in the order of the calls; within the call where nothing is to be done. */
  prepare(partition: Partition, bytes: Uint8Array, nowMs: number, append: (outcome: Recompressed) => void): void {
    const { settings } = partition.topic
    const queue = this.#queues.get(partition)
    // What is no batch is handed on, for the refusal that it gets everywhere.
    const isRight = !mustBeOpened(bytes, settings) || checkBatchForTopic(bytes, settings, nowMs) !== null
    if (isRight && queue === undefined) {
      append(bytes)
      return
    }
    const job: Job = { outcome: isRight ? bytes : null, append }
    if (queue === undefined) this.#queues.set(partition, [job])
    else queue.push(job)
    if (job.outcome !== null) return
    if (this.#waitingBytes + bytes.length > this.#maxWaitingBytes) {
      this.#finish(partition, job, refused(ERRORS.requestTimedOut, 'too many batches are being compressed; try again'))
      return
    }
    this.#waitingBytes += bytes.length
    void this.#recompress(bytes, settings, nowMs).then((outcome) => {
      this.#waitingBytes -= bytes.length
      this.#finish(partition, job, outcome)
    })
  }

  async #recompress(bytes: Uint8Array, settings: TopicSettings, nowMs: number): Promise<Recompressed> {
    try {
      const records = await this.#decompress(batchCompression(bytes), batchRecordsSection(bytes), settings.maxDecompressedBytes)
      const wrong = checkRecords(bytes, records, 0, settings, nowMs)
      if (wrong !== null) return wrong
      const codec = settings.compressionCodec ?? (batchCompression(bytes) as CompressionCodec)
      if (codec === batchCompression(bytes)) return bytes
      return withRecordsSection(bytes, codec, await this.#compress(codec, records, settings.compressionLevel))
    } catch (error) {
      // A codec that fails otherwise must not hold up what stands behind the batch.
      if (!(error instanceof CompressionError)) return refused(ERRORS.unknownServerError, error instanceof Error ? error.message : String(error))
      return refused(error.reason === 'too-large' ? ERRORS.messageTooLarge : ERRORS.corruptMessage, error.message)
    }
  }

  #finish(partition: Partition, job: Job, outcome: Recompressed): void {
    job.outcome = outcome
    const queue = this.#queues.get(partition) as Job[]
    for (let first = queue[0]; first !== undefined && first.outcome !== null; first = queue[0]) {
      queue.shift()
      if (queue.length === 0) this.#queues.delete(partition)
      first.append(first.outcome)
    }
  }
}

/** It came in another codec than its topic wants, or what is within the codec has to be looked at. */
function mustBeOpened(bytes: Uint8Array, { compressionCodec, isCompacted }: TopicSettings): boolean {
  if (bytes.length < BATCH_HEADER_BYTES) return false
  const codec = batchCompression(bytes)
  return (compressionCodec !== null && codec !== compressionCodec) || (isCompacted && codec !== 0)
}
