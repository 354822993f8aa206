import type { StateMachine } from '../../../log/ports.ts'
import { STATE_KINDS } from '../../state-kinds.ts'
import { DurableCell } from '../durable-cell.ts'
import type { StagedChange } from '../offsets.ts'
import { decodeGroupRecord, type GroupRecord } from './group-record.ts'

/**
 * The saved state of all groups: the last generation each of them agreed on, which is behind the living group while that
 * rebalances. Kept encoded, so that a snapshot holds exactly what was appended.
 */
export class GroupStore implements StateMachine {
  readonly kind = STATE_KINDS.group
  readonly #groups = new Map<string, DurableCell<Uint8Array>>()

  /** Whether a state of the group is saved, is being saved, or is being deleted, which may fail. */
  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  groupIds(): IterableIterator<string> {
    return this.#groups.keys()
  }

  /** What is durable of a group; null where nothing is. */
  read(groupId: string): GroupRecord | null {
    const durable = this.#groups.get(groupId)?.durable ?? null
    return durable === null ? null : decodeGroupRecord(durable)
  }

  /** Takes a group's new state in (null: the group is deleted). */
  stage(groupId: string, value: Uint8Array | null): StagedChange {
    const cell = this.#groups.get(groupId) ?? new DurableCell<Uint8Array>()
    this.#groups.set(groupId, cell)
    const settle = cell.stage(value)
    return {
      records: [{ kind: this.kind, key: groupId, value }],
      settle: (ok) => {
        settle(ok)
        if (cell.isVoid) this.#groups.delete(groupId)
      },
    }
  }

  apply(groupId: string, value: Uint8Array | null): void {
    if (value === null) this.#groups.delete(groupId)
    else this.#groups.set(groupId, new DurableCell(value))
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [groupId, cell] of this.#groups) if (cell.latest !== null) yield [groupId, cell.latest]
  }
}
