import type { StateMachine } from '../../log/ports.ts'
import { type PartChange, type PartId, parsePartKey, printPartKey } from './consumer/group-parts.ts'
import { DurableCell } from './durable-cell.ts'
import type { StagedChange } from './offsets.ts'

const GROUP: PartId = { kind: 'group', memberId: '' }

/** The parts of all groups of one type (KIP-848's, or share groups), encoded, so that a snapshot holds exactly what was appended. */
export class PartStore implements StateMachine {
  readonly kind: number
  /** Group id to key to value. */
  readonly #groups = new Map<string, Map<string, DurableCell<Uint8Array>>>()

  constructor(kind: number) {
    this.kind = kind
  }

  /** Groups that are saved. */
  *groupIds(): Iterable<string> {
    for (const groupId of this.#groups.keys()) if (this.durable(groupId, GROUP) !== null) yield groupId
  }

  /** Members of a group that are saved. */
  *memberIds(groupId: string): Iterable<string> {
    for (const [key, cell] of this.#groups.get(groupId) ?? []) {
      const { kind, memberId } = parsePartKey(key)
      if (kind === 'profile' && cell.durable !== null) yield memberId
    }
  }

  /** What is durable of a part; null where nothing is. */
  durable(groupId: string, part: PartId): Uint8Array | null {
    return this.#groups.get(groupId)?.get(printPartKey(groupId, part))?.durable ?? null
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
}
