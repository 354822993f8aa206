import type { LocalPartition } from './local-partition.ts'
import type { LogCore } from './log-core.ts'
import { guarded } from './partition-reads.ts'
import type { Segment } from './segment.ts'
import { checkTimes } from './time-lookup.ts'

/** Raises the log start over closed segments that are too old, or too many (UnifiedLog.deleteOldSegments). */
export function applyRetention(partition: LocalPartition, core: LogCore): void {
  const { settings, segments } = partition
  if (!settings.deleteOld || partition.readOnly !== null || partition.hasPending) return
  const nowMs = core.clock.now()
  partition.producers.expire(nowMs - core.settings.producerExpiryMs)
  let excessBytes = settings.retentionBytes < 0 ? -1 : partition.sizeBytes - settings.retentionBytes
  let keepFrom = partition.logStartOffset
  for (const segment of [...segments]) {
    const end = partition.endOf(segment)
    const isActive = segment === partition.activeSegment
    const tooOld =
      settings.retentionMs >= 0 && segment.writtenBytes > 0 && nowMs - timeOf(segment.maxTimestamp().timestampMs, segment.openedAtMs) > settings.retentionMs
    if (tooOld && segment.times !== 'true') {
      // A damaged index may make young records look old.
      if (segment.times === 'unchecked' || segment.isClosed) checkFirst(partition, core, segment)
      break
    }
    const tooMuch = !isActive && excessBytes >= segment.writtenBytes
    if (!tooOld && !tooMuch) break
    // An active segment that is wholly too old is closed, so that the log can be empty.
    if (isActive) partition.roll()
    excessBytes -= segment.writtenBytes
    keepFrom = end
  }
  if (keepFrom <= partition.logStartOffset) return
  partition.raiseStart(keepFrom, (failure) => {
    if (failure !== null) core.logger.warn({ partition: partition.folder, error: failure.message }, 'retention could not be applied')
  })
}

/** Applies retention again once the times of a segment are known to be true; else the next round asks again. */
function checkFirst(partition: LocalPartition, core: LogCore, segment: Segment): void {
  guarded(partition, core, () => checkTimes(partition, core, segment))
    .then((checked) => {
      if (checked === true) applyRetention(partition, core)
    })
    .catch((error: unknown) => core.logger.warn({ partition: partition.folder, error: String(error) }, 'retention could not be applied'))
}

/** Records without a time count from when the segment was opened. */
function timeOf(timestampMs: number, openedAtMs: number): number {
  return timestampMs >= 0 ? timestampMs : openedAtMs
}
