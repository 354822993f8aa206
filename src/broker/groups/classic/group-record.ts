import type { Protocol } from '../group-requests.ts'
import { StateReader, StateWriter } from '../state-codec.ts'
import type { Generation } from './generation.ts'
import type { Member } from './member.ts'
import type { Membership } from './membership.ts'

/** What a restart must know of a group, as Kafka keeps it in its GroupMetadataValue: the last stable generation. */
export interface GroupRecord {
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** When the group entered the state it was saved in: milliseconds since the epoch. Offsets of an Empty group expire from here. */
  readonly stateSinceMs: number
  /** It was of KIP-848 when it was saved, and its members do not have yet what they shall have: a rebalance was to begin at once. */
  readonly mustRebalance: boolean
  readonly members: readonly MemberRecord[]
}

interface MemberRecord {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** All it supports, not only the elected one as Kafka: a member that rejoins unchanged is then recognised as unchanged. */
  readonly protocols: readonly Protocol[]
  readonly assignment: Uint8Array
}

/** A group as it is kept, with assignments that may not have been given out yet. */
export function groupRecord(generation: Generation, members: Membership, stateSinceMs: number, assignmentOf: (member: Member) => Uint8Array): GroupRecord {
  return {
    generation: generation.number,
    protocolType: generation.protocolType,
    protocolName: generation.protocolName,
    leaderId: members.leaderId,
    stateSinceMs,
    mustRebalance: false,
    members: [...members.all()].map((member) => ({
      id: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      protocols: member.protocols,
      assignment: assignmentOf(member),
    })),
  }
}

const VERSION = 2

/**
 * The value of a `group` state record; its key is the group id. Integers are unsigned varints, strings and bytes carry
 * their length before them, a nullable string its length plus one (0 is null):
 *
 *     version=2 generation protocolType? protocolName? leaderId? stateSinceMs mustRebalance
 *     memberCount { id instanceId? clientId clientHost sessionTimeoutMs rebalanceTimeoutMs protocolCount { name metadata } assignment }
 */
export function encodeGroupRecord(record: GroupRecord): Uint8Array {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  writer.unsigned(record.generation)
  writer.nullableString(record.protocolType)
  writer.nullableString(record.protocolName)
  writer.nullableString(record.leaderId)
  writer.unsigned(record.stateSinceMs)
  writer.unsigned(record.mustRebalance ? 1 : 0)
  writer.unsigned(record.members.length)
  for (const member of record.members) {
    writer.string(member.id)
    writer.nullableString(member.instanceId)
    writer.string(member.clientId)
    writer.string(member.clientHost)
    writer.unsigned(Math.max(0, member.sessionTimeoutMs))
    writer.unsigned(Math.max(0, member.rebalanceTimeoutMs))
    writer.unsigned(member.protocols.length)
    for (const protocol of member.protocols) {
      writer.string(protocol.name)
      writer.bytes(protocol.metadata)
    }
    writer.bytes(member.assignment)
  }
  return writer.take()
}

/** Throws a RangeError for bytes that `encodeGroupRecord` did not write. */
export function decodeGroupRecord(bytes: Uint8Array): GroupRecord {
  const reader = new StateReader(bytes)
  const version = reader.unsigned()
  if (version < 1 || version > VERSION) throw new RangeError(`a group's state has version ${version}; this broker reads versions 1 to ${VERSION}`)
  const generation = reader.unsigned()
  const protocolType = reader.nullableString()
  const protocolName = reader.nullableString()
  const leaderId = reader.nullableString()
  const stateSinceMs = reader.unsigned()
  // Version 1 knew nothing of KIP-848.
  const mustRebalance = version >= 2 && reader.unsigned() === 1
  const members = reader.array(() => ({
    id: reader.string(),
    instanceId: reader.nullableString(),
    clientId: reader.string(),
    clientHost: reader.string(),
    sessionTimeoutMs: reader.unsigned(),
    rebalanceTimeoutMs: reader.unsigned(),
    protocols: reader.array(() => ({ name: reader.string(), metadata: reader.bytes() })),
    assignment: reader.bytes(),
  }))
  return { generation, protocolType, protocolName, leaderId, stateSinceMs, mustRebalance, members }
}
