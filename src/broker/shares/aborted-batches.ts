import type { AbortedTransaction } from '../../log/ports.ts'
import { batchBaseOffset, batchIsControl, batchIsTransactional, batchOffsetCount, batchProducerId } from '../../log/record-batch.ts'

/**
 * The record batches whose transaction was aborted, as offsets; whoever reads committed records only must not be given them. `aborted` are
 * the transactions that overlap the batches. Markers are left in: they are records that nobody is shown.
 */
export function abortedBatches(batches: readonly Uint8Array[], aborted: readonly AbortedTransaction[]): { readonly first: number; readonly last: number }[] {
  if (aborted.length === 0) return []
  const ranges: { readonly first: number; readonly last: number }[] = []
  for (const batch of batches) {
    if (!batchIsTransactional(batch) || batchIsControl(batch)) continue
    const first = batchBaseOffset(batch)
    const producerId = batchProducerId(batch)
    if (aborted.some((one) => one.producerId === producerId && one.firstOffset <= first && first <= one.lastOffset)) {
      ranges.push({ first, last: first + batchOffsetCount(batch) - 1 })
    }
  }
  return ranges
}
