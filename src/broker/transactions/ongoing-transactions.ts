import type { Clock } from '../../runtime/clock.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionRecord } from './transaction-record.ts'

/** Transactions that are open: until when, and which groups wait for them. */
export class OngoingTransactions {
  readonly #clock: Clock
  readonly #all = new Set<Transaction>()
  /** By group id: their offsets are not stable. */
  readonly #byGroup = new Map<string, Set<Transaction>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One that is open, or goes on with more groups. */
  add(transaction: Transaction): void {
    const { record } = transaction
    if (!this.#all.has(transaction)) transaction.deadlineMs = this.#deadlineOf(record)
    this.#all.add(transaction)
    for (const groupId of record.offsets.keys()) {
      const waiting = this.#byGroup.get(groupId)
      if (waiting === undefined) this.#byGroup.set(groupId, new Set([transaction]))
      else waiting.add(transaction)
    }
  }

  /** It ended. `before`: its record while it was open, which has the groups that waited. */
  delete(transaction: Transaction, before: TransactionRecord): void {
    this.#all.delete(transaction)
    for (const groupId of before.offsets.keys()) {
      const waiting = this.#byGroup.get(groupId)
      waiting?.delete(transaction)
      if (waiting?.size === 0) this.#byGroup.delete(groupId)
    }
  }

  /** Whether one of them is about to commit this offset. */
  isPending(groupId: string, topicName: string, partition: number): boolean {
    for (const { record } of this.#byGroup.get(groupId) ?? []) {
      if (record.offsets.get(groupId)?.some((offset) => offset.topicName === topicName && offset.partition === partition)) return true
    }
    return false
  }

  /** Whether one of them is about to commit offsets of this group. */
  isPendingGroup(groupId: string): boolean {
    for (const { record } of this.#byGroup.get(groupId) ?? []) if ((record.offsets.get(groupId)?.length ?? 0) > 0) return true
    return false
  }

  /** Those beyond their timeout, and not about to end. */
  overdue(): Transaction[] {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#all].filter(({ deadlineMs, isChanging }) => deadlineMs <= nowMs && !isChanging)
  }

  /** By the monotonic clock; what passed while the broker was down counts. */
  #deadlineOf({ timeoutMs, startedAtMs }: TransactionRecord): number {
    const elapsedMs = Math.max(0, this.#clock.now() - startedAtMs)
    return this.#clock.monotonicMs() + Math.max(0, timeoutMs - elapsedMs)
  }
}
