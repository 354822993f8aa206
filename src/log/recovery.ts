/**
 * Opening a partition that exists: what the journal has for it is written again, what lies past the recovery point is checked
 * batch by batch, and what nobody was promised is cut where it breaks off.
 */

import { errorCode, type FileSystem } from '../runtime/files.ts'
import { ZERO_UUID } from '../util/uuid.ts'
import { type BatchPlace, findGoodBatch, walkGoodBatches } from './batch-walk.ts'
import { type CleanerMark, NO_MARK, readMark } from './compaction/cleaner-mark.ts'
import { finishSwaps } from './compaction/swap.ts'
import { type IndexWork, mendIndexes, trimIndexes } from './index-mending.ts'
import type { JournalEntry } from './journal-format.ts'
import { decodePosition, type PartitionPosition, partitionKey } from './kept-state.ts'
import { LeaderEpochs, parseEpochs } from './leader-epochs.ts'
import type { LogCore } from './log-core.ts'
import { asideFolder } from './partition-folder.ts'
import { formatMetadata, metadataPath, parseMetadata } from './partition-metadata.ts'
import { NEW_PARTITION, type PartitionIdentity, type PartitionStart, type UnwrittenBatch } from './partition-start.ts'
import type { PartitionSettings } from './ports.ts'
import { ProducerStates } from './producer-state.ts'
import { BATCH_HEADER_BYTES, batchBaseOffset, batchIsControl, batchLeaderEpoch, batchOffsetCount, batchSizeBytes } from './record-batch.ts'
import { baseOffsetOf, DELETED, Segment, segmentName } from './segment.ts'
import { readSmallFile, replaceFile, writeSmallFile } from './small-file.ts'
import { mendTxnIndexes } from './txn-index-repair.ts'

const SCAN_BYTES = 1_048_576

export interface RecoveryInput {
  readonly identity: PartitionIdentity
  readonly settings: PartitionSettings
  /** In the order of their groups. */
  readonly journal: readonly JournalEntry[]
  /** Whether the machine may have lost what was not synced: every partition begins a new epoch. */
  readonly machineFailed: boolean
  /** After an orderly shutdown: all there is was promised, and nothing of it is torn. */
  readonly clean: boolean
  /** Nothing gets here before it is in the journal, as with the state log: what is neither whole nor there is damaged, never torn. */
  readonly writtenAhead?: boolean
  /** The state log has no recovery point of its own: its start is the snapshot. */
  readonly position: PartitionPosition | null
  /** The state log goes on behind its snapshot, whatever is left of it. */
  readonly leastEndOffset?: number
  /** The log went on up to here, by what an orderly shutdown says; where its recovery point says more, that counts. */
  readonly promisedEndOffset?: number
  /** Idempotent producers as the state remembers them. */
  readonly producers: readonly (readonly [producerId: number, value: Uint8Array])[]
}

/** The recovery point that the state remembers. */
export function knownPosition(core: LogCore, topicId: string, index: number): PartitionPosition | null {
  const value = core.positions.get(partitionKey(topicId, index))
  return value === undefined ? null : decodePosition(value)
}

/** Makes the files of a partition right, and says what it begins with. */
export async function recoverPartition(core: LogCore, asked: RecoveryInput): Promise<PartitionStart> {
  const { identity } = asked
  const hasFolder = await ownsFolder(core, asked, wasSynced(asked.position))
  if (hasFolder) await finishSwaps(core.fileSystem, identity.folder)
  const cleanerMark = hasFolder ? readMark(core.fileSystem, identity.folder) : NO_MARK
  const input = { ...asked, position: beyondCleaner(asked.position, cleanerMark) }
  const { position } = input
  const needed = input.journal.filter((entry) => isNeeded(entry, position))
  if (!hasFolder && needed.length === 0) return startOfNothing(core, input)
  const journal = needed.slice(0, writeJournal(core, identity, needed))
  const left = readEntries(core, identity, needed.slice(journal.length))
  const segments = listSegments(core, input)
  const work: Recovery = {
    core,
    input,
    journal,
    segments,
    allPromised: input.clean || (input.writtenAhead === true && left.length === 0),
    epochs: new LeaderEpochs(position?.epochs ?? parseEpochs(readSmallFile(core.fileSystem, `${identity.folder}/leader-epoch-checkpoint`) ?? '') ?? []),
    producers: restored(input.producers),
    cut: false,
    removals: [],
  }
  const logEndOffset = endOfPromise(work, await scan(work))
  // A durable log start above all that is left: what is appended from now on must not stand in a segment that begins elsewhere.
  const leastEnd = Math.max(position?.logStartOffset ?? 0, input.leastEndOffset ?? 0)
  if (logEndOffset < leastEnd) removeFrom(work, 0)
  await Promise.all(work.removals)
  // What was removed must not come back and lie behind what is appended from now on.
  if (work.removals.length > 0) await core.fileSystem.syncFolder(identity.folder)
  work.producers.rollBack(logEndOffset)
  const synced = journal.length === 0 && !work.cut
  for (const segment of segments) {
    segment.isClosed = segment !== segments.at(-1)
    segment.linked = position !== null && segment.baseOffset <= position.segmentBase && hasFolder
    if (synced && isBefore(segment, position)) segment.syncedBytes = segment.writtenBytes
    // Closed segments before the recovery point have theirs on disk.
    if (position === null || segment.baseOffset >= position.segmentBase) segment.distrustIndexes()
  }
  return {
    segments,
    logStartOffset: Math.max(position?.logStartOffset ?? 0, segments[0]?.baseOffset ?? (logEndOffset < leastEnd ? leastEnd : 0)),
    logEndOffset: Math.max(logEndOffset, leastEnd),
    epochs: work.epochs.all,
    // What is cut where the disk was full is in the journal still.
    raiseEpoch: (work.cut && left.length === 0) || input.machineFailed,
    producers: work.producers,
    recoveryPoint: position ?? NEW_PARTITION.recoveryPoint,
    hasFolder: core.fileSystem.size(metadataPath(identity.folder)) > 0,
    unwritten: unwrittenFrom(logEndOffset, left, identity),
    cleanerMark,
  }
}

/**
 * Where the log ends: at least where it was promised to. What is missing in front of that has offsets that are never given to anything
 * else, and what is appended from now on begins a segment.
 */
function endOfPromise({ core, input, segments, journal }: Recovery, foundEnd: number): number {
  const { position, identity, promisedEndOffset = 0 } = input
  const known = position !== null && position.segmentBase >= 0 ? position.offset : 0
  const promised = Math.max(promisedEndOffset, known, lastPromised(journal))
  if (foundEnd >= promised) return foundEnd
  core.logger.error({ folder: identity.folder, from: foundEnd, to: promised }, 'batches are missing at the end of a log')
  const options = { indexIntervalBytes: input.settings.indexIntervalBytes, openedAtMs: core.clock.now() }
  segments.push(new Segment(core.pool, identity.folder, { baseOffset: promised, logBytes: 0, indexBytes: 0, timeIndexBytes: 0, txnIndexBytes: 0 }, options))
  return promised
}

function lastPromised(journal: readonly JournalEntry[]): number {
  return Math.max(0, ...journal.map((entry) => entry.endOffset))
}

interface Recovery {
  readonly core: LogCore
  readonly input: RecoveryInput
  readonly journal: readonly JournalEntry[]
  readonly segments: Segment[]
  /** Whatever is in the segments was promised. */
  readonly allPromised: boolean
  readonly epochs: LeaderEpochs
  readonly producers: ProducerStates
  cut: boolean
  /** Awaited before the partition opens: a new segment may take the name. */
  readonly removals: Promise<void>[]
}

/** An older recovery point, where the state was given up, speaks of places that the cleaner has changed since. */
function beyondCleaner(position: PartitionPosition | null, { rewrittenBelow }: CleanerMark): PartitionPosition | null {
  if (position === null || rewrittenBelow <= position.offset) return position
  return { ...position, segmentBase: rewrittenBelow, position: 0, offset: rewrittenBelow }
}

/**
 * What lies before a recovery point is in its segment, or was deleted since. A log start, or a snapshot, alone proves nothing:
 * bytes below it may lie in the same segment as those above, and a hole there would end the scan.
 */
function isNeeded(entry: JournalEntry, position: PartitionPosition | null): boolean {
  return position === null || position.segmentBase < 0 || entry.endOffset > position.offset
}

function isBefore(segment: Segment, position: PartitionPosition | null): boolean {
  if (position === null) return false
  return segment.baseOffset < position.segmentBase || (segment.baseOffset === position.segmentBase && segment.writtenBytes === position.position)
}

/** Whether a checkpoint, or a snapshot, ever got to the disk: then the folder is no left-over. */
function wasSynced(position: PartitionPosition | null): boolean {
  return position !== null && (position.segmentBase >= 0 || position.offset > 0)
}

/** A folder of another topic that had this name goes out of the way, and so does one that never got as far as to know whose it is. */
async function ownsFolder(core: LogCore, { identity, machineFailed }: RecoveryInput, isKnown: boolean): Promise<boolean> {
  const { fileSystem } = core
  if (identity.topicId === ZERO_UUID) return fileSystem.list(identity.folder).length > 0
  await bringBack(fileSystem, identity)
  if (fileSystem.list(identity.folder).length === 0) return false
  const owner = parseMetadata(readSmallFile(fileSystem, metadataPath(identity.folder)))
  if (owner === identity.topicId) return true
  // The name was this partition's when its first checkpoint was told: only damage can say otherwise.
  if (isKnown || (owner === 'damaged' && !machineFailed)) {
    core.logger.error({ file: metadataPath(identity.folder) }, 'the topic id of a partition is damaged; the file is written again')
    await replaceFile(fileSystem, metadataPath(identity.folder), [Buffer.from(formatMetadata(identity.topicId))])
    return true
  }
  core.logger.warn({ folder: identity.folder, owner }, 'a folder of a deleted topic is removed')
  const aside = `${identity.folder.slice(0, identity.folder.lastIndexOf('/'))}/foreign-${identity.topicId}-${identity.index}.deleted`
  await fileSystem.remove(aside)
  fileSystem.rename(identity.folder, aside)
  await fileSystem.remove(aside)
  return false
}

/** The topic exists: its deletion never became durable, and whatever took its name was made later. */
async function bringBack(fileSystem: FileSystem, { folder, topicId, index }: PartitionIdentity): Promise<void> {
  const aside = asideFolder(folder.slice(0, folder.lastIndexOf('/')), topicId, index)
  if (fileSystem.list(aside).length === 0) return
  await fileSystem.remove(folder)
  fileSystem.rename(aside, folder)
}

function startOfNothing(core: LogCore, input: RecoveryInput): PartitionStart {
  const { position, identity } = input
  const offset = Math.max(position?.logStartOffset ?? 0, position?.offset ?? 0, input.promisedEndOffset ?? 0)
  if (offset > (position?.logStartOffset ?? 0)) core.logger.error({ folder: identity.folder, offset }, 'the files of a partition are missing')
  return {
    ...NEW_PARTITION,
    segments: [],
    producers: new ProducerStates(),
    logStartOffset: offset,
    logEndOffset: offset,
    epochs: position?.epochs ?? [],
    recoveryPoint: position ?? NEW_PARTITION.recoveryPoint,
    raiseEpoch: input.machineFailed,
  }
}

function restored(known: RecoveryInput['producers']): ProducerStates {
  const producers = new ProducerStates()
  for (const [id, value] of known) producers.restore(id, value)
  return producers
}

/** Writes what it can; how many entries that is. The rest is for later, where the disk is full. */
function writeJournal(core: LogCore, identity: PartitionIdentity, entries: readonly JournalEntry[]): number {
  let written = 0
  try {
    if (parseMetadata(readSmallFile(core.fileSystem, metadataPath(identity.folder))) === null) {
      core.fileSystem.makeFolder(identity.folder)
      writeSmallFile(core.fileSystem, metadataPath(identity.folder), formatMetadata(identity.topicId))
    }
    for (const entry of entries) {
      if (entry.bytes !== null) writeAgain(core, identity, entry)
      written++
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOSPC') throw error
    core.logger.error({ folder: identity.folder }, 'the disk is full: what the journal holds is written when there is room')
  }
  return written
}

/** The batches of entries, into memory. */
function readEntries(core: LogCore, identity: PartitionIdentity, entries: readonly JournalEntry[]): UnwrittenBatch[] {
  return entries.flatMap((entry) => {
    const bytes = entry.bytes === null ? readReference(core, identity, entry) : Buffer.concat(entry.bytes)
    const batches: UnwrittenBatch[] = []
    for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
      batches.push({ segmentBase: entry.segmentBase, position: entry.position + at, bytes: bytes.subarray(at, at + batchSizeBytes(bytes, at)) })
    }
    return batches
  })
}

function readReference(core: LogCore, identity: PartitionIdentity, entry: JournalEntry): Buffer {
  const bytes = Buffer.alloc(entry.length)
  const file = core.fileSystem.open(`${identity.folder}/${segmentName(entry.segmentBase)}.log`, 'read')
  try {
    file.readNow(bytes, entry.position)
  } finally {
    file.close()
  }
  return bytes
}

/** Those behind what the segments hold: the first may have got in with part of its entry. */
function unwrittenFrom(logEndOffset: number, batches: readonly UnwrittenBatch[], { folder }: PartitionIdentity): UnwrittenBatch[] {
  const rest = batches.filter(({ bytes }) => batchBaseOffset(bytes) >= logEndOffset)
  const first = rest[0]
  if (first !== undefined && batchBaseOffset(first.bytes) !== logEndOffset)
    throw new Error(`${folder} ends at ${logEndOffset}, its journal goes on at ${batchBaseOffset(first.bytes)}: make room on the disk and start again`)
  return rest
}

/** Idempotent: the same bytes at the same place. */
function writeAgain(core: LogCore, identity: PartitionIdentity, entry: JournalEntry): void {
  core.fileSystem.makeFolder(identity.folder)
  const file = core.fileSystem.open(`${identity.folder}/${segmentName(entry.segmentBase)}.log`, 'write')
  try {
    file.write(entry.bytes as Uint8Array[], entry.position)
  } finally {
    file.close()
  }
}

/** The segments that are there, without those that lie wholly below the log start. */
function listSegments(core: LogCore, input: RecoveryInput): Segment[] {
  const { fileSystem } = core
  const { folder } = input.identity
  const sizeOf = (path: string) => Math.max(0, fileSystem.size(path))
  const names = fileSystem.list(folder)
  for (const name of names) if (name.endsWith(DELETED)) core.inBackground(`deleting ${name}`, fileSystem.remove(`${folder}/${name}`))
  const bases = names
    .map(baseOffsetOf)
    .filter((base) => base !== null)
    .sort((a, b) => a - b)
  const segments = bases.map((baseOffset) => {
    const stem = `${folder}/${segmentName(baseOffset)}`
    const files = {
      baseOffset,
      logBytes: sizeOf(`${stem}.log`),
      indexBytes: sizeOf(`${stem}.index`),
      timeIndexBytes: sizeOf(`${stem}.timeindex`),
      txnIndexBytes: sizeOf(`${stem}.txnindex`),
    }
    return new Segment(core.pool, folder, files, { indexIntervalBytes: input.settings.indexIntervalBytes, openedAtMs: core.clock.now() })
  })
  const logStart = input.position?.logStartOffset ?? 0
  while (segments.length > 1 && (segments[1] as Segment).baseOffset <= logStart) {
    const old = segments.shift() as Segment
    core.inBackground(`deleting ${old.log.path}`, old.delete(fileSystem, core.indexCache))
  }
  return segments
}

/** Checks everything past the recovery point; the log end. */
async function scan(work: Recovery): Promise<number> {
  const { segments } = work
  const position = work.input.position
  let next = segments[0]?.baseOffset ?? 0
  const start = position?.logStartOffset ?? 0
  if (next > start) work.core.logger.error({ folder: work.input.identity.folder, from: start, to: next }, 'batches are missing at the beginning of a log')
  const checkpointed = position !== null && position.segmentBase >= 0 ? position.offset : 0
  await mendTxnIndexes(segments, work.producers.indexSums, checkpointed, work.core.logger)
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i] as Segment
    const following = segments[i + 1]
    if (position !== null && following !== undefined && following.baseOffset <= position.segmentBase) {
      await mendIndexes(indexWork(work), segment, following.baseOffset)
      next = following.baseOffset
      continue
    }
    const known = position !== null && segment.baseOffset === position.segmentBase && position.position <= segment.writtenBytes
    const gap = i > 0 && segment.baseOffset !== next
    if (gap && segment.baseOffset > next && (!work.input.machineFailed || isPromised(work, segment))) {
      work.core.logger.error({ file: segment.log.path, from: next, to: segment.baseOffset }, 'batches are missing in front of a segment')
    } else if (gap && !isPromised(work, segment)) {
      // Batches before this segment never reached the disk, and nobody was promised what lies behind the gap; or an earlier start removed
      // it, which the machine forgot.
      removeFrom(work, i)
      return next
    }
    const from = known ? { position: position.position, offset: position.offset } : { position: 0, offset: segment.baseOffset }
    next = await scanSegment(work, segment, from)
  }
  return next
}

function isPromised(work: Recovery, segment: Segment): boolean {
  const { position } = work.input
  // Nothing durable ever stands on what is not.
  return (position !== null && segment.baseOffset <= position.segmentBase) || work.journal.some((entry) => entry.segmentBase >= segment.baseOffset)
}

function removeFrom(work: Recovery, slot: number): void {
  work.cut = true
  for (const segment of work.segments.splice(slot)) {
    work.core.logger.warn({ file: segment.log.path, bytes: segment.writtenBytes }, 'a segment behind a gap of unsynced bytes is removed')
    work.removals.push(segment.delete(work.core.fileSystem, work.core.indexCache))
  }
}

/** Walks one segment to its end, or to where it breaks off; the offset there. */
async function scanSegment(work: Recovery, segment: Segment, from: BatchPlace): Promise<number> {
  const { machineFailed, position: known, writtenAhead } = work.input
  const endPosition = segment.writtenBytes
  // What the checkpoint knew is not indexed again, though all of the segment may be looked at.
  segment.txnIndex.keepBelow(known !== null && known.segmentBase >= 0 ? Math.max(known.offset, from.offset) : from.offset)
  if (from.position === endPosition && !(machineFailed && endPosition > 0)) {
    await mendIndexes(indexWork(work), segment, from.offset)
    return from.offset
  }
  await trimIndexes(indexWork(work), segment, from)
  const promised = work.journal.filter((entry) => entry.segmentBase === segment.baseOffset)
  const knownHere = known?.segmentBase === segment.baseOffset ? known : null
  // Nothing durable ever stands on what is not.
  const isBelowPromise =
    work.allPromised || work.journal.some((entry) => entry.segmentBase > segment.baseOffset) || (known?.segmentBase ?? -1) > segment.baseOffset
  const promisedEnd = isBelowPromise ? endPosition : Math.max(knownHere?.position ?? 0, ...promised.map((entry) => entry.position + entry.length))
  const promisedOffset = Math.max(knownHere?.offset ?? 0, lastPromised(promised))
  let place: BatchPlace = from
  let lastEpoch = work.epochs.at(place.offset - 1)
  for (;;) {
    const walked = await walkGoodBatches(segment.log, place, endPosition, SCAN_BYTES, (bytes, at, position) => {
      // Epochs never go back: what does is left from before a cut that the machine forgot.
      if (machineFailed && batchLeaderEpoch(bytes, at) < lastEpoch) return false
      lastEpoch = batchLeaderEpoch(bytes, at)
      const batch = bytes.subarray(at, at + batchSizeBytes(bytes, at))
      work.producers.remember(batch, work.core.clock.now(), Number.POSITIVE_INFINITY)
      if (batchIsControl(batch)) work.producers.transactions.index(batchBaseOffset(batch), segment.txnIndex)
      work.epochs.begin(Math.max(lastEpoch, work.epochs.current), batchBaseOffset(bytes, at))
      segment.note(bytes, at, position)
      return true
    })
    if (!machineFailed) await writeOver(segment, place.position, walked.position)
    if (walked.position >= endPosition) return walked.offset
    const isPromised = walked.position < promisedEnd
    // A process that is killed leaves nothing whole behind what is torn, but for a hole before a large batch that was not committed. A machine
    // that fails may, and then it is worth nothing.
    const to = isPromised && machineFailed ? promisedEnd : endPosition
    const behind =
      isPromised || (walked.bad && !machineFailed && !(await isHole(segment, walked)))
        ? await findGoodBatch(segment.log, walked, { to, endOffset: Number.MAX_SAFE_INTEGER })
        : null
    if (!isPromised && behind === null && (machineFailed || !(await isWholeTail(segment, walked)))) {
      await cutAt(work, segment, walked.position, walked.offset)
      return walked.offset
    }
    // Rot in what was promised is kept, and never served.
    const { path } = segment.log
    work.core.logger.error({ file: path, position: walked.position, offset: walked.offset }, 'the log is damaged; what lies behind is kept')
    if (behind === null && (promisedEnd >= endPosition || !isPromised))
      return Math.max(await endOfTail(segment, walked), promisedOffset, writtenAhead ? walked.offset + 1 : 0)
    place = behind ?? { position: promisedEnd, offset: Math.max(walked.offset, promisedOffset) }
  }
}

/** Whether nothing was ever written at a place. */
async function isHole(segment: Segment, { position }: BatchPlace): Promise<boolean> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  await segment.log.read(header, position)
  return header.every((byte) => byte === 0)
}

/** Whether the file ends with the batch that begins at a place: what a process leaves half written is shorter than it says. */
async function isWholeTail(segment: Segment, place: BatchPlace): Promise<boolean> {
  return (await endOfTail(segment, place)) > place.offset
}

/** The offset behind a damaged batch at the end of the file, as far as its header can be believed; its own offset where it cannot. */
async function endOfTail(segment: Segment, { position, offset }: BatchPlace): Promise<number> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  const filled = await segment.log.read(header, position)
  const fits = filled === BATCH_HEADER_BYTES && batchBaseOffset(header) === offset && position + batchSizeBytes(header) === segment.writtenBytes
  return fits ? offset + Math.max(1, batchOffsetCount(header)) : offset
}

/**
 * The same bytes once more. Where the process went down after a failed sync, the kernel takes their pages for written, and the
 * next sync would leave them out.
 */
async function writeOver(segment: Segment, from: number, to: number): Promise<void> {
  for (let position = from; position < to; position += SCAN_BYTES) {
    const bytes = Buffer.allocUnsafe(Math.min(SCAN_BYTES, to - position))
    await segment.log.read(bytes, position)
    try {
      await segment.log.writeAsync([bytes], position)
    } catch (error) {
      // A full disk has these bytes already, but for the rare failure this is about.
      if (errorCode(error) !== 'ENOSPC') throw error
    }
  }
}

async function cutAt(work: Recovery, segment: Segment, position: number, offset: number): Promise<void> {
  work.cut = true
  const { logger } = work.core
  logger.warn({ file: segment.log.path, position, offset, bytes: segment.writtenBytes - position }, 'a torn tail is cut')
  segment.cutTail(position)
  await segment.log.sync()
  const slot = work.segments.indexOf(segment)
  if (slot < work.segments.length - 1) removeFrom(work, slot + 1)
}

function indexWork({ core, input }: Recovery): IndexWork {
  return { core, machineFailed: input.machineFailed, indexIntervalBytes: input.settings.indexIntervalBytes }
}
