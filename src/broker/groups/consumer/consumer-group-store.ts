import type { StateMachine } from '../../../log/ports.ts'
import { STATE_KINDS } from '../../state-kinds.ts'
import { DurableCell } from '../durable-cell.ts'
import type { StagedChange } from '../offsets.ts'
import type { MemberProfile } from './consumer-member.ts'
import {
  decodeCurrent,
  decodeEpochs,
  decodeProfile,
  decodeTarget,
  type GroupEpochs,
  type PartChange,
  type PartId,
  parsePartKey,
  printPartKey,
} from './group-parts.ts'
import type { Partitions } from './partitions.ts'
import type { CurrentAssignment } from './reconcile.ts'

/** A consumer group as it is on disk. */
export interface SavedConsumerGroup {
  /** `fingerprint` null: of the topics as they are now, since the group was not of KIP-848 until now. */
  readonly epochs: Omit<GroupEpochs, 'fingerprint'> & { readonly fingerprint: string | null }
  readonly members: readonly SavedMember[]
}

interface SavedMember {
  readonly id: string
  readonly profile: MemberProfile
  readonly target: Partitions | null
  readonly current: CurrentAssignment | null
}

/** The parts of all consumer groups, encoded, so that a snapshot holds exactly what was appended. */
export class ConsumerGroupStore implements StateMachine {
  readonly kind = STATE_KINDS.consumerGroup
  /** Group id to key to value. */
  readonly #groups = new Map<string, Map<string, DurableCell<Uint8Array>>>()

  /** What is durable of a group; null where nothing is. */
  read(groupId: string): SavedConsumerGroup | null {
    const epochs = this.#durable(groupId, printPartKey(groupId, { kind: 'group', memberId: '' }))
    if (epochs === null) return null
    const members: SavedMember[] = []
    for (const [key, cell] of this.#groups.get(groupId) ?? []) {
      const { kind, memberId } = parsePartKey(key)
      if (kind !== 'profile' || cell.durable === null) continue
      const target = this.#durable(groupId, printPartKey(groupId, { kind: 'target', memberId }))
      const current = this.#durable(groupId, printPartKey(groupId, { kind: 'current', memberId }))
      members.push({
        id: memberId,
        profile: decodeProfile(cell.durable),
        target: target === null ? null : decodeTarget(target),
        current: current === null ? null : decodeCurrent(current),
      })
    }
    return { epochs: decodeEpochs(epochs), members }
  }

  /** Groups that are saved. */
  *groupIds(): Iterable<string> {
    for (const groupId of this.#groups.keys()) if (this.#durable(groupId, printPartKey(groupId, { kind: 'group', memberId: '' })) !== null) yield groupId
  }

  /** Takes changes of a group in. */
  stage(groupId: string, changes: readonly PartChange[]): StagedChange {
    const cells = this.#groups.get(groupId) ?? new Map<string, DurableCell<Uint8Array>>()
    this.#groups.set(groupId, cells)
    const staged = changes.map((change) => {
      const key = printPartKey(groupId, change)
      const cell = cells.get(key) ?? new DurableCell<Uint8Array>()
      cells.set(key, cell)
      return { key, cell, value: change.value, settle: cell.stage(change.value) }
    })
    return {
      records: staged.map(({ key, value }) => ({ kind: this.kind, key, value })),
      settle: (ok) => {
        for (const { key, cell, settle } of staged) {
          settle(ok)
          if (cell.isVoid) cells.delete(key)
        }
        if (cells.size === 0 && this.#groups.get(groupId) === cells) this.#groups.delete(groupId)
      },
    }
  }

  /** Deletes all of a group; null where there is nothing. */
  stageDeletion(groupId: string): StagedChange | null {
    const changes = this.parts(groupId).map((part) => ({ ...part, value: null }))
    return changes.length === 0 ? null : this.stage(groupId, changes)
  }

  /** What is saved of a group, is being saved, or is being deleted, which may fail. */
  parts(groupId: string): PartId[] {
    return [...(this.#groups.get(groupId)?.keys() ?? [])].map(parsePartKey)
  }

  apply(key: string, value: Uint8Array | null): void {
    const { groupId } = parsePartKey(key)
    const cells = this.#groups.get(groupId) ?? new Map<string, DurableCell<Uint8Array>>()
    this.#groups.set(groupId, cells)
    if (value === null) cells.delete(key)
    else cells.set(key, new DurableCell(value))
    if (cells.size === 0) this.#groups.delete(groupId)
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const cells of this.#groups.values()) for (const [key, cell] of cells) if (cell.latest !== null) yield [key, cell.latest]
  }

  #durable(groupId: string, key: string): Uint8Array | null {
    return this.#groups.get(groupId)?.get(key)?.durable ?? null
  }
}
