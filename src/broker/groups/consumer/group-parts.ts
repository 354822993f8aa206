import { StateReader, StateWriter } from '../state-codec.ts'
import { type AssignorName, isAssignorName } from './assignors/assignors.ts'
import type { MemberProfile } from './consumer-member.ts'
import type { EpochedPartitions, Partitions } from './partitions.ts'
import type { CurrentAssignment, MemberState } from './reconcile.ts'

/**
 * A consumer group is kept in parts, as in Kafka, so that a step of one member writes that member only: the group's epochs, and of
 * each member what it wants, where it is heading, and what it has.
 */
export type PartKind = 'group' | 'profile' | 'target' | 'current'

export interface PartId {
  readonly kind: PartKind
  /** '' for the part `group`. */
  readonly memberId: string
}

/** The new value of a part; null where it is gone. */
export interface PartChange extends PartId {
  readonly value: Uint8Array | null
}

const LETTERS: Readonly<Record<PartKind, string>> = { group: 'g', profile: 'm', target: 't', current: 'c' }
const KINDS: Readonly<Record<string, PartKind>> = { g: 'group', m: 'profile', t: 'target', c: 'current' }

/** The key of a state record: the part's letter, the length of the group id, both ids. Either id may hold anything. */
export function printPartKey(groupId: string, { kind, memberId }: PartId): string {
  return `${LETTERS[kind]}${groupId.length}:${groupId}${memberId}`
}

/** Throws a RangeError for what `printPartKey` did not print. */
export function parsePartKey(key: string): PartId & { readonly groupId: string } {
  const match = /^([gmtc])(\d+):/.exec(key)
  const kind = match === null ? undefined : KINDS[match[1] as string]
  if (match === null || kind === undefined) throw new RangeError(`${JSON.stringify(key)} is no key of a consumer group's part`)
  const start = match[0].length
  const end = start + Number(match[2])
  return { kind, groupId: key.slice(start, end), memberId: key.slice(end) }
}

export interface GroupEpochs {
  readonly groupEpoch: number
  readonly targetEpoch: number
  /** Milliseconds since the epoch; 0 where nobody knows. */
  readonly targetComputedAtMs: number
  /** Of the topics it consumes. */
  readonly fingerprint: string
}

const VERSION = 1
const STATES: readonly MemberState[] = ['Stable', 'UnrevokedPartitions', 'UnreleasedPartitions']

/**
 * Integers are unsigned varints, strings and bytes carry their length before them, a nullable string its length plus one (0 is
 * null):
 *
 *     version=1 groupEpoch targetEpoch targetComputedAtMs fingerprint
 */
export function encodeEpochs(epochs: GroupEpochs): Uint8Array {
  const writer = begin()
  writer.unsigned(epochs.groupEpoch)
  writer.unsigned(epochs.targetEpoch)
  writer.unsigned(epochs.targetComputedAtMs)
  writer.string(epochs.fingerprint)
  return writer.take()
}

export function decodeEpochs(bytes: Uint8Array): GroupEpochs {
  const reader = open(bytes)
  return { groupEpoch: reader.unsigned(), targetEpoch: reader.unsigned(), targetComputedAtMs: reader.unsigned(), fingerprint: reader.string() }
}

/**
 *     version=1 instanceId? rackId? clientId clientHost rebalanceTimeoutMs+1 topicNames[] topicRegex? assignor?
 *     isClassic { sessionTimeoutMs protocols[]{ name metadata } }
 */
export function encodeProfile(profile: MemberProfile): Uint8Array {
  const writer = begin()
  writer.nullableString(profile.instanceId)
  writer.nullableString(profile.rackId)
  writer.string(profile.clientId)
  writer.string(profile.clientHost)
  writer.unsigned(Math.max(-1, profile.rebalanceTimeoutMs) + 1)
  writer.unsigned(profile.topicNames.length)
  for (const name of profile.topicNames) writer.string(name)
  writer.nullableString(profile.topicRegex)
  writer.nullableString(profile.assignor)
  writer.unsigned(profile.classic === null ? 0 : 1)
  if (profile.classic !== null) {
    writer.unsigned(Math.max(0, profile.classic.sessionTimeoutMs))
    writer.unsigned(profile.classic.protocols.length)
    for (const { name, metadata } of profile.classic.protocols) {
      writer.string(name)
      writer.bytes(metadata)
    }
  }
  return writer.take()
}

export function decodeProfile(bytes: Uint8Array): MemberProfile {
  const reader = open(bytes)
  return {
    instanceId: reader.nullableString(),
    rackId: reader.nullableString(),
    clientId: reader.string(),
    clientHost: reader.string(),
    rebalanceTimeoutMs: reader.unsigned() - 1,
    topicNames: reader.array(() => reader.string()),
    topicRegex: reader.nullableString(),
    assignor: knownAssignor(reader.nullableString()),
    classic:
      reader.unsigned() === 0
        ? null
        : { sessionTimeoutMs: reader.unsigned(), protocols: reader.array(() => ({ name: reader.string(), metadata: reader.bytes() })) },
  }
}

/** One that a later broker had is none. */
function knownAssignor(name: string | null): AssignorName | null {
  return name !== null && isAssignorName(name) ? name : null
}

/**
 *     version=1 topics[]{ topicId partitions[]{ distance to the partition before } }
 */
export function encodeTarget(target: Partitions): Uint8Array {
  const writer = begin()
  writer.unsigned(target.size)
  for (const [topicId, partitions] of target) {
    writer.string(topicId)
    writer.unsigned(partitions.size)
    let before = 0
    for (const partition of [...partitions].sort((left, right) => left - right)) {
      writer.unsigned(partition - before)
      before = partition
    }
  }
  return writer.take()
}

export function decodeTarget(bytes: Uint8Array): Partitions {
  const reader = open(bytes)
  return new Map(
    reader.array(() => {
      const topicId = reader.string()
      return [topicId, new Set(reader.array(ascending(reader)))] as const
    }),
  )
}

/**
 * Epochs are int64s:
 *
 *     version=1 state epoch previousEpoch assigned[]{ topicId partitions[]{ distance to the partition before, its epoch } } pendingRevocation[]{ … }
 */
export function encodeCurrent(current: CurrentAssignment): Uint8Array {
  const writer = begin()
  writer.unsigned(STATES.indexOf(current.state))
  writer.int64(current.epoch)
  writer.int64(current.previousEpoch)
  writeEpoched(writer, current.assigned)
  writeEpoched(writer, current.pendingRevocation)
  return writer.take()
}

export function decodeCurrent(bytes: Uint8Array): CurrentAssignment {
  const reader = open(bytes)
  const state = STATES[reader.unsigned()]
  if (state === undefined) throw new RangeError('a member of a consumer group is in a state that this broker does not know')
  return { state, epoch: reader.int64(), previousEpoch: reader.int64(), assigned: readEpoched(reader), pendingRevocation: readEpoched(reader) }
}

function writeEpoched(writer: StateWriter, topics: EpochedPartitions): void {
  writer.unsigned(topics.size)
  for (const [topicId, epochs] of topics) {
    writer.string(topicId)
    writer.unsigned(epochs.size)
    let before = 0
    for (const [partition, epoch] of [...epochs].sort(([left], [right]) => left - right)) {
      writer.unsigned(partition - before)
      writer.unsigned(epoch)
      before = partition
    }
  }
}

function readEpoched(reader: StateReader): EpochedPartitions {
  return new Map(
    reader.array(() => {
      const topicId = reader.string()
      const next = ascending(reader)
      return [topicId, new Map(reader.array(() => [next(), reader.unsigned()] as const))] as const
    }),
  )
}

/** Reads partitions, each as its distance to the one before. */
function ascending(reader: StateReader): () => number {
  let partition = 0
  return () => {
    partition += reader.unsigned()
    return partition
  }
}

function begin(): StateWriter {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  return writer
}

function open(bytes: Uint8Array): StateReader {
  const reader = new StateReader(bytes)
  const version = reader.unsigned()
  if (version !== VERSION) throw new RangeError(`a part of a consumer group has version ${version}; this broker reads version ${VERSION}`)
  return reader
}
