/**
 * Indexes of aborted transactions that are not what the last checkpoint left: missing, cut or changed. They are made again from the batches
 * of the partition: a transaction may have begun in an earlier segment than the one that has its marker.
 */
import { errorCode } from '../runtime/files.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type BatchPlace, findGoodBatch, walkGoodBatches } from './batch-walk.ts'
import { OpenTransactions } from './open-transactions.ts'
import type { AbortedTransaction } from './ports.ts'
import { batchBaseOffset, batchIsControl, batchSizeBytes } from './record-batch.ts'
import type { Segment } from './segment.ts'
import type { TxnIndex } from './txn-index.ts'
import type { TxnIndexSums } from './txn-index-sums.ts'

const SCAN_BYTES = 1_048_576

/** Offsets that nothing is known of: their batches are damaged or gone. */
interface Gap {
  readonly from: number
  readonly to: number
}

/** Holds the entries below `offset`, where the last checkpoint was, against the `sums` it left; what lies behind is for the scan of the log. */
export async function mendTxnIndexes(segments: readonly Segment[], sums: TxnIndexSums, offset: number, logger: Logger): Promise<void> {
  const checked = segments.filter(({ baseOffset }) => baseOffset < offset)
  const damaged = checked.filter((segment) => !sums.holds(segment, offset))
  const last = damaged.at(-1)
  if (last === undefined) return
  const walked = checked.slice(0, checked.indexOf(last) + 1)
  const walk = await walkTransactions(walked, Math.min(segments[walked.length]?.baseOffset ?? offset, offset))
  for (const segment of damaged) {
    const end = segments[segments.indexOf(segment) + 1]?.baseOffset ?? offset
    const isHere = ({ lastOffset }: AbortedTransaction): boolean => lastOffset >= segment.baseOffset && lastOffset < Math.min(end, offset)
    // Of batches that are damaged too, the index is the only witness.
    const believed = segment.txnIndex.entries().filter(({ lastOffset }) => walk.gaps.some(({ from, to }) => lastOffset >= from && lastOffset < to))
    const entries = [...walk.aborted, ...believed].filter(isHere).sort((a, b) => a.lastOffset - b.lastOffset)
    segment.txnIndex.replace(entries)
    await save(segment.txnIndex)
    const file = segment.txnIndex.path
    logger.warn({ file, transactions: entries.length }, 'an index of aborted transactions is not what the last checkpoint left; it is made again from the log')
    if (walk.gaps.length > 0) logger.error({ file }, 'the log is damaged too: some records of aborted transactions may be shown as committed')
  }
}

async function save(index: TxnIndex): Promise<void> {
  try {
    index.flush()
    await index.sync()
  } catch (error) {
    // It is in memory; the next start makes it again.
    if (errorCode(error) !== 'ENOSPC') throw error
  }
}

/** All transactions that were aborted, of whole segments that follow each other, up to `endOffset`. */
async function walkTransactions(
  segments: readonly Segment[],
  endOffset: number,
): Promise<{ readonly aborted: readonly AbortedTransaction[]; readonly gaps: readonly Gap[] }> {
  const open = new OpenTransactions()
  const aborted: AbortedTransaction[] = []
  const gaps: Gap[] = []
  const found = { add: (transaction: AbortedTransaction) => void aborted.push(transaction) }
  const visit = (bytes: Buffer, at: number): boolean => {
    const offset = batchBaseOffset(bytes, at)
    if (offset >= endOffset) return false
    const batch = bytes.subarray(at, at + batchSizeBytes(bytes, at))
    open.note(batch)
    if (!batchIsControl(batch)) return true
    open.index(offset, found)
    open.forgetEnded()
    return true
  }
  for (const [i, segment] of segments.entries()) {
    const end = Math.min(segments[i + 1]?.baseOffset ?? endOffset, endOffset)
    let place: BatchPlace | null = { position: 0, offset: segment.baseOffset }
    while (place !== null && place.offset < end) {
      const walked = await walkGoodBatches(segment.log, place, segment.writtenBytes, SCAN_BYTES, visit)
      place = walked.bad ? await findGoodBatch(segment.log, walked, { to: segment.writtenBytes, endOffset: end }) : null
      if (walked.offset < end) gaps.push({ from: walked.offset, to: place?.offset ?? end })
    }
  }
  return { aborted, gaps }
}
