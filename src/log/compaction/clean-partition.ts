/** One cleaning of one partition (Cleaner.java): the last offset of each key in what is new, then every segment anew without what is superseded. */
import type { LocalPartition } from '../local-partition.ts'
import type { LogCore } from '../log-core.ts'
import type { CompactionSettings } from '../ports.ts'
import { batchBaseOffset, batchIsControl, batchOffsetCount, batchRecordCount } from '../record-batch.ts'
import type { Segment } from '../segment.ts'
import { placeBefore } from '../segment-reader.ts'
import { abortedBetween } from '../txn-index.ts'
import { AbortedTrace } from './aborted-trace.ts'
import { type CleaningRules, type CleaningTools, cleanBatch, sectionOf, visitRecords } from './batch-cleaner.ts'
import { batchesOf } from './batches-of.ts'
import type { Cleanable } from './cleanable.ts'
import { CleanedSegment } from './cleaned-segment.ts'
import { writeMark } from './cleaner-mark.ts'
import { KeyOffsets } from './key-offsets.ts'
import { groupSegments } from './segment-groups.ts'
import { swapIn } from './swap.ts'

/** What a cleaning did, for people. */
export interface CleaningReport {
  readonly readBytes: number
  readonly keptBytes: number
  readonly keys: number
  readonly cleanBelow: number
}

export interface CleaningOrder extends Cleanable {
  readonly settings: CompactionSettings
  readonly dedupeBytes: number
  /** True where the work is to end as soon as it can. */
  isStopped(): boolean
}

/** Null where the partition, or what was to be cleaned of it, went away meanwhile. Rejects where it cannot be read or written. */
export async function cleanPartition(partition: LocalPartition, core: LogCore, tools: CleaningTools, order: CleaningOrder): Promise<CleaningReport | null> {
  const { folder, logStartOffset } = partition
  const isOver = () =>
    order.isStopped() ||
    partition.gone ||
    partition.folder !== folder ||
    partition.logStartOffset !== logStartOffset ||
    partition.settings.compaction === undefined
  try {
    return await clean(partition, core, tools, order, isOver)
  } catch (error) {
    // Its files went away meanwhile.
    if (isOver()) return null
    throw error
  }
}

async function clean(
  partition: LocalPartition,
  core: LogCore,
  tools: CleaningTools,
  order: CleaningOrder,
  isOver: () => boolean,
): Promise<CleaningReport | null> {
  const mapped = await mapKeys(partition, core, tools, order, isOver)
  if (mapped === null || !(await recoveryPointIsDurable(partition, core)) || isOver()) return null
  const { keys, mappedEnd } = mapped
  const segments = partition.segments.filter((segment) => segment.baseOffset < mappedEnd)
  const groups = groupSegments(segments, partition.settings.segmentBytes, (segment) => partition.endOf(segment))
  const endOffset = groups.at(-1)?.endOffset ?? mappedEnd
  const rewrittenBelow = Math.max(endOffset, partition.cleanerMark.rewrittenBelow)
  await mark(partition, core, { ...partition.cleanerMark, rewrittenBelow })
  const rules: CleaningRules = {
    keys,
    mappedEnd,
    nowMs: core.clock.now(),
    deleteRetentionMs: order.settings.deleteRetentionMs,
    lastOfProducer: partition.producers.lastOffsets(),
  }
  const trace = new AbortedTrace(abortedBetween(partition.segments, 0, endOffset))
  let readBytes = 0
  let keptBytes = 0
  for (const group of groups) {
    const { layout } = partition
    const kept = isOver() ? null : await cleanGroup(partition, core, tools, { ...group, rules, trace, isOver })
    // The sum of the new index of aborted transactions: a start that does not know it takes the index for a damaged one.
    if (partition.layout !== layout && !core.fileSystem.volatile && !partition.gone) core.appendState(partition.checkpointRecords(), () => undefined)
    if (kept === null) return null
    readBytes += group.segments.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
    keptBytes += kept
  }
  if (isOver() || !(await recoveryPointIsDurable(partition, core)) || isOver()) return null
  await mark(partition, core, { cleanBelow: mappedEnd, rewrittenBelow })
  return { readBytes, keptBytes, keys: keys.size, cleanBelow: mappedEnd }
}

async function mark(partition: LocalPartition, core: LogCore, next: LocalPartition['cleanerMark']): Promise<void> {
  await writeMark(core.fileSystem, partition.folder, next)
  partition.cleanerMark = next
}

/** What a crash leaves in the journal must not be written over what is moved: the state has to know first that nothing of it is needed. */
function recoveryPointIsDurable(partition: LocalPartition, core: LogCore): Promise<boolean> {
  if (core.fileSystem.volatile) return Promise.resolve(true)
  return new Promise((resolve) => core.appendState(partition.checkpointRecords(), (failure) => resolve(failure === null)))
}

interface MappedKeys {
  readonly keys: KeyOffsets
  /** All below is in `keys`, unless it was before. */
  readonly mappedEnd: number
}

/** Null where it ended before its time. */
async function mapKeys(
  partition: LocalPartition,
  core: LogCore,
  tools: CleaningTools,
  { firstDirtyOffset, endOffset, dedupeBytes }: CleaningOrder,
  isOver: () => boolean,
): Promise<MappedKeys | null> {
  const keys = new KeyOffsets(dedupeBytes)
  const trace = new AbortedTrace(abortedBetween(partition.segments, firstDirtyOffset, endOffset))
  for (const segment of [...partition.segments]) {
    if (segment.baseOffset >= endOffset) break
    if (partition.endOf(segment) <= firstDirtyOffset) continue
    const from = await placeBefore(segment, core.indexCache, firstDirtyOffset, partition.endOf(segment))
    for await (const batch of batchesOf(segment, from, tools.pacer, isOver)) {
      if (isOver()) return null
      const base = batchBaseOffset(batch)
      if (base + batchOffsetCount(batch) <= firstDirtyOffset || trace.look(batch) !== 'plain' || batchIsControl(batch)) continue
      const section = await sectionOf(batch, tools)
      tools.pacer.begin()
      let fullAt = -1
      await visitRecords(batch, section, tools.pacer, ({ key, offsetDelta }) => {
        const offset = base + offsetDelta
        if (key === null || offset < firstDirtyOffset || keys.put(key, offset)) return true
        fullAt = offset
        return false
      })
      if (fullAt >= 0) return { keys, mappedEnd: fullAt }
    }
  }
  return { keys, mappedEnd: endOffset }
}

interface GroupWork {
  readonly segments: readonly Segment[]
  readonly endOffset: number
  readonly rules: CleaningRules
  readonly trace: AbortedTrace
  readonly isOver: () => boolean
}

/** Puts one segment in the place of several; its size, or null where it was not to be. */
async function cleanGroup(partition: LocalPartition, core: LogCore, tools: CleaningTools, work: GroupWork): Promise<number | null> {
  const { segments, endOffset, rules, trace } = work
  const aborted = new Map(segments.flatMap(({ txnIndex }) => txnIndex.entries().map((entry) => [entry.lastOffset, entry] as const)))
  const fresh = CleanedSegment.begin(core, tools.pacer, partition.folder, segments[0] as Segment, partition.settings.indexIntervalBytes, aborted)
  try {
    let isChanged = segments.length > 1
    let count = 0
    for (const segment of segments) {
      for await (const batch of batchesOf(segment, { position: 0, offset: segment.baseOffset }, tools.pacer, work.isOver)) {
        const left = await cleanBatch(batch, trace.look(batch), rules, tools)
        if (left === null) fresh.drop(batch)
        else await fresh.keep(left)
        count++
        // One without records that stood for others stands there again.
        isChanged ||= left !== batch && batchRecordCount(batch) > 0
        if (work.isOver()) break
        if (tools.pacer.worked(batch.length)) await tools.pacer.rest()
      }
    }
    fresh.end()
    if (!work.isOver() && (isChanged || fresh.count !== count)) {
      await fresh.finish()
      return (await swapIn(partition, core, fresh.segment, segments, endOffset)) ? fresh.segment.writtenBytes : null
    }
    await fresh.discard(partition, core)
    return work.isOver() ? null : (segments[0] as Segment).writtenBytes
  } catch (error) {
    await fresh.discard(partition, core)
    throw error
  }
}
