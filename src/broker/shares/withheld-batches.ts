import type { AbortedTransaction } from '../../log/ports.ts'
import { batchBaseOffset, batchIsControl, batchIsTransactional, batchOffsetCount, batchProducerId, batchRecordCount } from '../../log/record-batch.ts'

/**
 * The record batches that are for nobody, as offsets: those that compaction left without a record, and those whose transaction was aborted.
 * `aborted` are the transactions that overlap the batches, where only committed records are read. Markers are left in, as in Kafka:
 * clients say of them that there is no record.
 */
export function withheldBatches(batches: readonly Uint8Array[], aborted: readonly AbortedTransaction[]): { readonly first: number; readonly last: number }[] {
  const ranges: { readonly first: number; readonly last: number }[] = []
  for (const batch of batches) {
    if (batchRecordCount(batch) > 0 && !isAborted(batch, aborted)) continue
    const first = batchBaseOffset(batch)
    ranges.push({ first, last: first + batchOffsetCount(batch) - 1 })
  }
  return ranges
}

function isAborted(batch: Uint8Array, aborted: readonly AbortedTransaction[]): boolean {
  if (aborted.length === 0 || !batchIsTransactional(batch) || batchIsControl(batch)) return false
  const first = batchBaseOffset(batch)
  const producerId = batchProducerId(batch)
  return aborted.some((one) => one.producerId === producerId && one.firstOffset <= first && first <= one.lastOffset)
}
