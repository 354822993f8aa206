import { decodeTarget, encodeTarget } from '../consumer/group-parts.ts'
import { StateReader, StateWriter } from '../state-codec.ts'
import type { ShareAssignment, ShareProfile } from './share-member.ts'

/**
 * The parts of a share group that are its own; epochs and targets are those of KIP-848 (`consumer/group-parts.ts`). Strings
 * carry their length before them, a nullable one its length plus one (0 is null), integers are unsigned varints.
 */
const VERSION = 1

/**
 *     version=1 rackId? clientId clientHost topicNames[]
 */
export function encodeShareProfile({ rackId, clientId, clientHost, topicNames }: ShareProfile): Uint8Array {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  writer.nullableString(rackId)
  writer.string(clientId)
  writer.string(clientHost)
  writer.unsigned(topicNames.length)
  for (const name of topicNames) writer.string(name)
  return writer.take()
}

export function decodeShareProfile(bytes: Uint8Array): ShareProfile {
  const reader = open(bytes)
  return { rackId: reader.nullableString(), clientId: reader.string(), clientHost: reader.string(), topicNames: reader.array(() => reader.string()) }
}

/**
 *     version=1 epoch previousEpoch assigned (the bytes of a target)
 */
export function encodeShareAssignment({ epoch, previousEpoch, assigned }: ShareAssignment): Uint8Array {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  writer.unsigned(epoch)
  writer.unsigned(previousEpoch)
  writer.bytes(encodeTarget(assigned))
  return writer.take()
}

export function decodeShareAssignment(bytes: Uint8Array): ShareAssignment {
  const reader = open(bytes)
  return { epoch: reader.unsigned(), previousEpoch: reader.unsigned(), assigned: decodeTarget(reader.bytes()) }
}

function open(bytes: Uint8Array): StateReader {
  const reader = new StateReader(bytes)
  const version = reader.unsigned()
  if (version !== VERSION) throw new RangeError(`a part of a share group has version ${version}; this broker reads version ${VERSION}`)
  return reader
}
