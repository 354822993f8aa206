/** What the members of one group hold and have read, over all of them: the judge of whether it is settled and lost nothing. */

/** A member as the ledger sees it; `generation` is null while it is not one, or is moving partitions. */
export interface Holder {
  readonly generation: number | null
  readonly held: ReadonlySet<number>
}

export class GroupLedger {
  readonly #next: number[]
  /** Records that no member was given although later ones of their partition were. */
  gaps = 0
  /** Records given once more; a group may, from its last commit on, after its members changed. */
  repeats = 0

  constructor(partitions: number) {
    this.#next = Array.from({ length: partitions }, () => 0)
  }

  /** Offsets `from` up to and without `to` were read. */
  read(partition: number, from: number, to: number): void {
    const next = this.#next[partition] ?? 0
    if (from > next) this.gaps += from - next
    this.repeats += Math.max(0, Math.min(next, to) - from)
    this.#next[partition] = Math.max(next, to)
  }

  /** Partitions that are read up to `end`. */
  readTo(end: number): number {
    return this.#next.filter((next) => next >= end).length
  }
}

/** Whether each partition has one owner, and all members are of one generation. */
export function isSettled(members: readonly Holder[], partitions: number): boolean {
  const owned = new Set<number>()
  let count = 0
  for (const { generation, held } of members) {
    if (generation === null || generation !== members[0]?.generation) return false
    for (const partition of held) owned.add(partition)
    count += held.size
  }
  return owned.size === partitions && count === partitions
}
