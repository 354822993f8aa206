import type { StateMachine } from '../../log/ports.ts'
import type { StagedChange } from '../groups/offsets.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { applyRecord, changed, encodeChange, encodeWhole, type KeptShare, type ShareChange } from './kept-share.ts'

/** Which share partition: a partition of a topic, as one group sees it. */
export interface ShareKey {
  readonly groupId: string
  readonly topicId: string
  readonly partition: number
}

/** What was appended and is not settled: all there is (null: nothing any more), or what is new. */
type Pending = { readonly whole: KeptShare | null } | { readonly change: ShareChange }

interface Entry {
  readonly key: ShareKey
  durable: KeptShare | null
  /** In the order of their appends, which is the order they settle in. */
  pending: Pending[]
  waiting: (() => void)[]
}

/**
 * What is kept of all share partitions: a record of all there is when one is made known or begins anew, then only what is new.
 * Readers see what is durable.
 */
export class ShareStore implements StateMachine {
  readonly kind = STATE_KINDS.shareState
  /** Group id to topic id to partition. */
  readonly #groups = new Map<string, Map<string, Map<number, Entry>>>()

  /** What is durable; null where nothing is. */
  get(key: ShareKey): KeptShare | null {
    return this.#find(key)?.durable ?? null
  }

  /** Whether anything is kept, or on its way. */
  has(key: ShareKey): boolean {
    return this.#find(key) !== undefined
  }

  groupIds(): IterableIterator<string> {
    return this.#groups.keys()
  }

  hasAny(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  /** What is kept of a group, or on its way, topic by topic. */
  *of(groupId: string): Iterable<readonly [topicId: string, partitions: readonly number[]]> {
    for (const [topicId, partitions] of this.#groups.get(groupId) ?? []) yield [topicId, [...partitions.keys()].sort((left, right) => left - right)]
  }

  /** Everything that is kept of a group where `select` says so. */
  keys(groupId: string, select: (topicId: string) => boolean): ShareKey[] {
    const found: ShareKey[] = []
    for (const [topicId, partitions] of this.#groups.get(groupId) ?? []) {
      if (select(topicId)) for (const { key } of partitions.values()) found.push(key)
    }
    return found
  }

  /** Puts all there is of a share partition in its place; null deletes it. */
  stageWhole(key: ShareKey, whole: KeptShare | null): StagedChange {
    return this.#stage(key, { whole }, whole === null ? null : encodeWhole(whole))
  }

  stageChange(key: ShareKey, change: ShareChange): StagedChange {
    return this.#stage(key, { change }, encodeChange(change))
  }

  /** Calls `run` when nothing of it is on its way to the disk; within the call where nothing is. */
  whenSettled(key: ShareKey, run: () => void): void {
    const entry = this.#find(key)
    if (entry === undefined || entry.pending.length === 0) run()
    else entry.waiting.push(run)
  }

  apply(text: string, value: Uint8Array | null): void {
    const key = parseKey(text)
    const entry = this.#entry(key)
    entry.durable = value === null ? null : applyRecord(entry.durable, value)
    this.#forgetIfVoid(entry)
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const topics of this.#groups.values()) {
      for (const partitions of topics.values()) {
        for (const { key, durable, pending } of partitions.values()) {
          const latest = pending.reduce(withPending, durable)
          if (latest !== null) yield [printKey(key), encodeWhole(latest)]
        }
      }
    }
  }

  #stage(key: ShareKey, pending: Pending, value: Uint8Array | null): StagedChange {
    const entry = this.#entry(key)
    entry.pending.push(pending)
    return {
      records: [{ kind: this.kind, key: printKey(key), value }],
      settle: (ok) => {
        entry.pending = entry.pending.filter((one) => one !== pending)
        if (ok) entry.durable = withPending(entry.durable, pending)
        if (entry.pending.length > 0) return
        this.#forgetIfVoid(entry)
        for (const run of entry.waiting.splice(0)) run()
      },
    }
  }

  #find({ groupId, topicId, partition }: ShareKey): Entry | undefined {
    return this.#groups.get(groupId)?.get(topicId)?.get(partition)
  }

  #entry(key: ShareKey): Entry {
    const found = this.#find(key)
    if (found !== undefined) return found
    const topics = this.#groups.get(key.groupId) ?? new Map<string, Map<number, Entry>>()
    this.#groups.set(key.groupId, topics)
    const partitions = topics.get(key.topicId) ?? new Map<number, Entry>()
    topics.set(key.topicId, partitions)
    const entry: Entry = { key, durable: null, pending: [], waiting: [] }
    partitions.set(key.partition, entry)
    return entry
  }

  #forgetIfVoid({ key: { groupId, topicId, partition }, durable, pending }: Entry): void {
    if (durable !== null || pending.length > 0) return
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topicId)
    partitions?.delete(partition)
    if (partitions?.size === 0) topics?.delete(topicId)
    if (topics?.size === 0) this.#groups.delete(groupId)
  }
}

function withPending(kept: KeptShare | null, pending: Pending): KeptShare | null {
  if ('whole' in pending) return pending.whole
  return changed(kept ?? { startOffset: -1, batches: [] }, pending.change)
}

/** `TOPIC-ID:PARTITION:GROUP`. */
function printKey({ groupId, topicId, partition }: ShareKey): string {
  return `${topicId}:${partition}:${groupId}`
}

function parseKey(text: string): ShareKey {
  const first = text.indexOf(':')
  const second = text.indexOf(':', first + 1)
  return { topicId: text.slice(0, first), partition: Number(text.slice(first + 1, second)), groupId: text.slice(second + 1) }
}
