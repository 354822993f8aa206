import { buildMarker } from '../../log/marker.ts'
import type { BatchAppend, LogFailure, StateMachine, StateRecord } from '../../log/ports.ts'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import type { BrokerContext } from '../broker.ts'
import { ERRORS, type ErrorRow } from '../errors.ts'
import type { OffsetChange, StagedChange } from '../groups/offsets.ts'
import type { ProducerIds } from '../producers/producer-ids.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { Partition } from '../topics/partition.ts'
import type { Admission } from '../topics/produce.ts'
import { decideEnd, type EndRequest } from './end-rules.ts'
import { OngoingTransactions } from './ongoing-transactions.ts'
import { isExhausted, mayBe, needsNewId, nextEpoch, type ProducerIdAndEpoch, rotated } from './producer-epoch.ts'
import { stateRecord, Transaction, withPartitions } from './transaction.ts'
import { decodeTransaction, encodeTransaction, NO_OFFSETS, NO_PARTITIONS, type PendingOffset, type TransactionRecord } from './transaction-record.ts'
import type { TransactionSettings } from './transaction-settings.ts'

export interface InitRequest {
  readonly transactionalId: string
  readonly timeoutMs: number
  /** What the client was before (v3 and later); null where it begins. */
  readonly expected: ProducerIdAndEpoch | null
}

/** The producer of one request of a transaction. */
export interface TransactionalProducer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** Where offsets of a transaction become a group's. */
export interface TransactionalGroups {
  /** Takes offsets in, to be appended with the end of the transaction. */
  stageOffsets(groupId: string, changes: readonly OffsetChange[]): StagedChange
}

type Answer<T> = (result: T | ErrorRow) => void

const COORDINATOR_EPOCH = 0

/**
 * Transactions (KIP-98, KIP-890): who holds a transactional id, what its transaction wrote, and how it ends. The end is one atomic group of
 * the journal: a marker in every partition, the offsets of its groups, and the new state, so that a crash leaves all or nothing.
 * Registers its state with the log, so it is made before `LogStore.open`; `open` comes after topics and groups were opened.
 */
export class TransactionCoordinator implements StateMachine {
  readonly kind = STATE_KINDS.transaction
  readonly #context: BrokerContext
  readonly #producerIds: ProducerIds
  readonly #groups: TransactionalGroups
  readonly #settings: TransactionSettings
  readonly #logger: Logger
  readonly #transactions = new Map<string, Transaction>()
  readonly #ongoing: OngoingTransactions
  readonly #timers: { cancel(): void }[] = []
  #closed = false

  constructor(context: BrokerContext, producerIds: ProducerIds, groups: TransactionalGroups, settings: TransactionSettings, logger: Logger = silentLogger) {
    this.#context = context
    this.#producerIds = producerIds
    this.#groups = groups
    this.#settings = settings
    this.#logger = logger
    this.#ongoing = new OngoingTransactions(context.clock)
    context.log.register(this)
  }

  get settings(): TransactionSettings {
    return this.#settings
  }

  /** Transactions that were open go on; their timeouts have run meanwhile. */
  open(): void {
    for (const transaction of this.#transactions.values()) if (transaction.record.state === 'Ongoing') this.#ongoing.add(transaction)
    this.#every(this.#settings.abortCheckIntervalMs, () => this.#abortTimedOut())
    this.#every(this.#settings.expiryCheckIntervalMs, () => this.#expireIds())
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers.splice(0)) timer.cancel()
  }

  get(transactionalId: string): TransactionRecord | undefined {
    return this.#transactions.get(transactionalId)?.record
  }

  *all(): Iterable<readonly [transactionalId: string, record: TransactionRecord]> {
    for (const [id, { record }] of this.#transactions) yield [id, record]
  }

  /** Whether an open transaction is about to commit this offset (RequireStable). */
  isPending(groupId: string, topicName: string, partition: number): boolean {
    return this.#ongoing.isPending(groupId, topicName, partition)
  }

  /** Whether an open transaction is about to commit offsets of this group. */
  isPendingGroup(groupId: string): boolean {
    return this.#ongoing.isPendingGroup(groupId)
  }

  /** InitProducerId with a transactional id; aborts what an earlier producer left open, and then asks to come again (rule 27). */
  init(request: InitRequest, respond: Answer<ProducerIdAndEpoch>): void {
    const known = this.#transactions.get(request.transactionalId)
    if (known !== undefined) {
      this.#initKnown(known, request, respond)
      return
    }
    if (this.#transactions.size >= this.#settings.maxIds) {
      respond(ERRORS.policyViolation)
      return
    }
    this.#producerIds.allocate((result) => {
      if ('error' in result) {
        respond(result.error)
        return
      }
      // Somebody else may have come first meanwhile.
      const transaction = this.#transactions.get(request.transactionalId) ?? this.#begin(request, result.producerId)
      this.#initKnown(transaction, request, respond)
    })
  }

  /** AddPartitionsToTxn. The partitions exist, and the principal may write them. */
  addPartitions(producer: TransactionalProducer, partitions: readonly Partition[], respond: (failed: ErrorRow | null) => void): void {
    const transaction = this.#of(producer)
    if ('kafka' in transaction) respond(transaction)
    else if (transaction.additions === 0 && !transaction.isStale && partitions.every((each) => this.#holds(transaction, each))) respond(null)
    else {
      const added = partitions.map((each) => [each.topic.id, each.index] as const)
      this.#appendAddition(transaction, withPartitions(this.#opened(transaction, 0), added), respond)
    }
  }

  /** AddOffsetsToTxn: offsets of this group will follow. */
  addOffsets(producer: TransactionalProducer, groupId: string, respond: (failed: ErrorRow | null) => void): void {
    this.#addPending(producer, groupId, [], 0, respond)
  }

  /**
   * TxnOffsetCommit: offsets that the group has checked. The first protocol wants the group announced before (`version` 0), the second
   * (2) announces it by this.
   */
  commitOffsets(
    producer: TransactionalProducer,
    groupId: string,
    offsets: readonly PendingOffset[],
    version: 0 | 2,
    respond: (failed: ErrorRow | null) => void,
  ): void {
    const transaction = this.#of(producer)
    if ('kafka' in transaction) respond(transaction)
    else if (version === 0 && !(transaction.record.state === 'Ongoing' && transaction.record.offsets.has(groupId))) respond(ERRORS.invalidTxnState)
    else this.#addPending(producer, groupId, offsets, version, respond)
  }

  /** Whether a batch of this producer may be appended to `partition`: null, or why not (rules 13 and 28, in the words of Produce). */
  checkBatch(producer: TransactionalProducer, partition: Partition, version: 0 | 2): ErrorRow | null {
    const transaction = this.#of(producer)
    if ('kafka' in transaction) return transaction === ERRORS.producerFenced ? ERRORS.invalidProducerEpoch : transaction
    return version === 2 || this.#holds(transaction, partition) ? null : ERRORS.invalidTxnState
  }

  /** The batch that was checked is appended now. The second protocol takes the partition in by the batch itself: both become durable together. */
  admitBatch(producer: TransactionalProducer, partition: Partition, version: 0 | 2): Admission {
    const transaction = this.#of(producer)
    if ('kafka' in transaction || (this.#holds(transaction, partition) && !transaction.isStale)) return { state: [], settle: () => undefined }
    const state = [this.#change(transaction, withPartitions(this.#opened(transaction, version), [[partition.topic.id, partition.index]]))]
    return { state, settle: this.#addition(transaction) }
  }

  /** EndTxn; the answer names the producer as it is from now on (KIP-890), and comes when all of it is durable. */
  end(transactionalId: string, request: EndRequest, respond: Answer<ProducerIdAndEpoch>): void {
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined) {
      respond(ERRORS.invalidProducerIdMapping)
      return
    }
    const decision = decideEnd(transaction.record, request)
    if (typeof decision !== 'string') respond(transaction.isChanging && decision === ERRORS.invalidTxnState ? ERRORS.concurrentTransactions : decision)
    else if (transaction.isChanging) respond(ERRORS.concurrentTransactions)
    else if (decision === 'done') respond(current(transaction.record))
    else this.#end(transaction, { commit: request.commit, version: request.version, fence: false }, respond)
  }

  apply(key: string, value: Uint8Array | null): void {
    if (value === null) this.#transactions.delete(key)
    else this.#transactions.set(key, new Transaction(key, decodeTransaction(value)))
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [id, { record }] of this.#transactions) if (record.producerEpoch >= 0) yield [id, encodeTransaction(record)]
  }

  // ---- beginning

  #begin({ transactionalId, timeoutMs }: InitRequest, producerId: number): Transaction {
    const transaction = new Transaction(transactionalId, {
      producerId,
      producerEpoch: -1,
      lastProducerId: -1,
      lastProducerEpoch: -1,
      timeoutMs,
      state: 'Empty',
      version: 0,
      startedAtMs: -1,
      updatedAtMs: this.#context.clock.now(),
      partitions: NO_PARTITIONS,
      offsets: NO_OFFSETS,
    })
    this.#transactions.set(transactionalId, transaction)
    return transaction
  }

  #initKnown(transaction: Transaction, request: InitRequest, respond: Answer<ProducerIdAndEpoch>): void {
    const { record } = transaction
    if (transaction.isChanging) respond(ERRORS.concurrentTransactions)
    else if (!mayBe(record, request.expected)) respond(ERRORS.producerFenced)
    else if (record.state === 'Ongoing') {
      const options = { commit: false, version: record.version, fence: true }
      this.#end(transaction, options, (result) => respond('kafka' in result ? result : ERRORS.concurrentTransactions))
    } else if (needsNewId(record, request.expected)) this.#initRotated(transaction, request, respond)
    else {
      const epoch = nextEpoch(record, request.expected)
      if ('kafka' in epoch) respond(epoch)
      else this.#initAs(transaction, request, epoch, respond)
    }
  }

  #initRotated(transaction: Transaction, request: InitRequest, respond: Answer<ProducerIdAndEpoch>): void {
    transaction.isChanging = true
    this.#producerIds.allocate((result) => {
      transaction.isChanging = false
      if ('error' in result) respond(result.error)
      else this.#initAs(transaction, request, rotated(transaction.record, result.producerId, request.expected !== null), respond)
    })
  }

  #initAs(transaction: Transaction, request: InitRequest, epoch: Partial<TransactionRecord>, respond: Answer<ProducerIdAndEpoch>): void {
    const { record } = transaction
    const updatedAtMs = this.#context.clock.now()
    this.#settle(
      transaction,
      { ...record, ...epoch, state: 'Empty', timeoutMs: request.timeoutMs, startedAtMs: -1, updatedAtMs },
      { batches: [], staged: [] },
      (failed) => {
        respond(failed ?? current(transaction.record))
      },
    )
  }

  // ---- what belongs to it

  /** The transaction of a request, which the producer holds; else why not. */
  #of({ transactionalId, producerId, producerEpoch }: TransactionalProducer): Transaction | ErrorRow {
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined || transaction.record.producerId !== producerId) return ERRORS.invalidProducerIdMapping
    if (transaction.record.producerEpoch !== producerEpoch) return ERRORS.producerFenced
    return transaction.isChanging ? ERRORS.concurrentTransactions : transaction
  }

  #holds(transaction: Transaction, partition: Partition): boolean {
    return transaction.record.state === 'Ongoing' && transaction.hasPartition(partition.topic.id, partition.index)
  }

  /** The record with its transaction open. */
  #opened({ record }: Transaction, version: 0 | 2): TransactionRecord {
    const updatedAtMs = this.#context.clock.now()
    if (record.state === 'Ongoing') return { ...record, version, updatedAtMs }
    return { ...record, version, state: 'Ongoing', startedAtMs: updatedAtMs, updatedAtMs, partitions: NO_PARTITIONS, offsets: NO_OFFSETS }
  }

  #addPending(
    producer: TransactionalProducer,
    groupId: string,
    offsets: readonly PendingOffset[],
    version: 0 | 2,
    respond: (failed: ErrorRow | null) => void,
  ): void {
    const transaction = this.#of(producer)
    if ('kafka' in transaction) {
      respond(transaction)
      return
    }
    const record = this.#opened(transaction, version)
    const merged = new Map((record.offsets.get(groupId) ?? []).map((offset) => [`${offset.topicName}:${offset.partition}`, offset]))
    for (const offset of offsets) merged.set(`${offset.topicName}:${offset.partition}`, offset)
    const all = new Map(record.offsets).set(groupId, [...merged.values()])
    let count = 0
    for (const pending of all.values()) count += Math.max(1, pending.length)
    if (count > this.#settings.maxOffsets) respond(ERRORS.policyViolation)
    else this.#appendAddition(transaction, { ...record, offsets: all }, respond)
  }

  #appendAddition(transaction: Transaction, record: TransactionRecord, respond: (failed: ErrorRow | null) => void): void {
    const state = [this.#change(transaction, record)]
    const settle = this.#addition(transaction)
    this.#context.log.append({
      batches: [],
      state,
      durability: 'durable',
      onDone: (failure) => {
        settle(failure === null)
        respond(this.#rowOf(failure))
      },
    })
  }

  /** One that the disk refuses stays in memory: one marker, or offset that the client was told it failed to add, too many at most. */
  #addition(transaction: Transaction): (ok: boolean) => void {
    transaction.additions++
    transaction.isStale = false
    return (ok) => {
      transaction.additions--
      if (!ok) transaction.isStale = true
    }
  }

  #change(transaction: Transaction, record: TransactionRecord): StateRecord {
    const before = transaction.record
    const change = transaction.change(record)
    if (record.state === 'Ongoing') this.#ongoing.add(transaction)
    else if (before.state === 'Ongoing') this.#ongoing.delete(transaction, before)
    return change
  }

  // ---- its end

  #end(
    transaction: Transaction,
    options: { readonly commit: boolean; readonly version: 0 | 2; readonly fence: boolean },
    respond: Answer<ProducerIdAndEpoch>,
  ): void {
    const mustRotate = options.version === 2 && isExhausted(transaction.record.producerEpoch) && !options.fence
    if (!mustRotate) {
      this.#endAs(transaction, options, null, respond)
      return
    }
    transaction.isChanging = true
    this.#producerIds.allocate((result) => {
      transaction.isChanging = false
      if ('error' in result) respond(result.error)
      else this.#endAs(transaction, options, result.producerId, respond)
    })
  }

  #endAs(
    transaction: Transaction,
    { commit, version, fence }: { readonly commit: boolean; readonly version: 0 | 2; readonly fence: boolean },
    nextProducerId: number | null,
    respond: Answer<ProducerIdAndEpoch>,
  ): void {
    const { record } = transaction
    const nowMs = this.#context.clock.now()
    // A fence and the second protocol's every end leave nobody with the epoch that wrote.
    const bumps = version === 2 || fence
    const markerEpoch = bumps ? record.producerEpoch + 1 : record.producerEpoch
    const marker = {
      type: commit ? 'commit' : 'abort',
      producerId: record.producerId,
      producerEpoch: markerEpoch,
      coordinatorEpoch: COORDINATOR_EPOCH,
      timestampMs: nowMs,
    } as const
    const batches = this.#partitionsOf(record).map(({ log }): BatchAppend => ({ partition: log, bytes: buildMarker(marker) }))
    const staged = commit ? this.#offsetsOf(record).map(([groupId, offsets]) => this.#groups.stageOffsets(groupId, offsets)) : []
    const ended: TransactionRecord = {
      ...record,
      ...(bumps ? { producerEpoch: markerEpoch, lastProducerEpoch: fence && version === 0 ? -1 : record.producerEpoch } : {}),
      ...(nextProducerId === null ? {} : { producerId: nextProducerId, producerEpoch: 0, lastProducerId: record.producerId }),
      version,
      state: commit ? 'CompleteCommit' : 'CompleteAbort',
      startedAtMs: record.state === 'Ongoing' ? record.startedAtMs : nowMs,
      updatedAtMs: nowMs,
      partitions: NO_PARTITIONS,
      offsets: NO_OFFSETS,
    }
    this.#settle(transaction, ended, { batches, staged }, (failed) => respond(failed ?? current(transaction.record)))
  }

  /** Topics that were deleted meanwhile need no marker. */
  #partitionsOf({ partitions }: TransactionRecord): Partition[] {
    return [...partitions].flatMap(([topicId, indexes]) => {
      const topic = this.#context.topics.getById(topicId)
      return [...indexes].flatMap((index) => topic?.partitions[index] ?? [])
    })
  }

  /** By group. What was read of a topic that was deleted meanwhile says nothing of one made anew under its name. */
  #offsetsOf({ offsets }: TransactionRecord): (readonly [groupId: string, offsets: readonly PendingOffset[]])[] {
    return [...offsets]
      .map(([groupId, pending]) => [groupId, pending.filter(({ value }) => this.#context.topics.getById(value.topicId) !== undefined)] as const)
      .filter(([, pending]) => pending.length > 0)
  }

  /** Appends a change that nobody may overtake; where the disk refuses it, everything is as it was. */
  #settle(
    transaction: Transaction,
    record: TransactionRecord,
    { batches, staged }: { readonly batches: readonly BatchAppend[]; readonly staged: readonly StagedChange[] },
    onDone: (failed: ErrorRow | null) => void,
  ): void {
    const before = transaction.record
    const { deadlineMs } = transaction
    transaction.isChanging = true
    const state = [this.#change(transaction, record), ...staged.flatMap((change) => change.records)]
    this.#context.log.append({
      batches,
      state,
      durability: 'durable',
      onDone: (failure) => {
        transaction.isChanging = false
        for (const change of staged) change.settle(failure === null)
        if (failure !== null) {
          if (before.producerEpoch === -1) this.#transactions.delete(transaction.transactionalId)
          this.#change(transaction, before)
          transaction.deadlineMs = deadlineMs
        }
        onDone(this.#rowOf(failure))
      },
    })
  }

  #rowOf(failure: LogFailure | null): ErrorRow | null {
    if (failure === null) return null
    this.#logger.error({ reason: failure.message }, 'state of transactions could not be saved')
    // Kafka's word to clients for a failed disk of the coordinator: look for another one.
    return ERRORS.notCoordinator
  }

  // ---- time

  #every(intervalMs: number, run: () => void): void {
    const slot = this.#timers.length
    const again = (): void => {
      if (this.#closed) return
      this.#timers[slot] = this.#context.clock.after(intervalMs, () => {
        run()
        again()
      })
    }
    again()
  }

  #abortTimedOut(): void {
    for (const transaction of this.#ongoing.overdue()) {
      const { transactionalId, record } = transaction
      this.#logger.info(
        { transactionalId, producerId: record.producerId, timeoutMs: record.timeoutMs },
        'a transaction took longer than its timeout and is aborted',
      )
      this.#end(transaction, { commit: false, version: record.version, fence: true }, () => undefined)
    }
  }

  #expireIds(): void {
    const before = this.#context.clock.now() - this.#settings.idExpirationMs
    const expired = [...this.#transactions.values()].filter(
      ({ record, isChanging }) => record.state !== 'Ongoing' && !isChanging && record.updatedAtMs < before,
    )
    if (expired.length === 0) return
    for (const { transactionalId } of expired) this.#transactions.delete(transactionalId)
    const state = expired.map(({ transactionalId }) => stateRecord(transactionalId, null))
    this.#context.log.append({ batches: [], state, durability: 'durable', onDone: (failure) => void this.#rowOf(failure) })
  }
}

function current({ producerId, producerEpoch }: TransactionRecord): ProducerIdAndEpoch {
  return { producerId, producerEpoch }
}
