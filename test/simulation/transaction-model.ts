import type { World } from './world.ts'

/** One transaction of one transactional id, and what its client knows of it. */
export class SimulatedTransaction {
  readonly name: string
  readonly transactionalId: string
  /** 0, 1, 2, …: the order of the transactional id. */
  readonly number: number
  readonly records: { readonly value: string; readonly partition: string }[] = []
  /** The group offset that counts when it commits, and the one it goes on from (-1: any). */
  offset: { readonly group: string; readonly partition: string; readonly from: number; readonly offset: number } | null = null
  /** EndTxn that commits was sent: from then on it may be there. */
  commitSent = false
  /** What its client was told; null where it does not know. */
  outcome: 'committed' | 'aborted' | null = null

  constructor(transactionalId: string, number: number) {
    this.name = `${transactionalId}.${number}`
    this.transactionalId = transactionalId
    this.number = number
  }

  get mayBeVisible(): boolean {
    return this.commitSent && this.outcome !== 'aborted'
  }
}

/** Value of a record: the transaction, and which of its records. */
export function transactionOf(value: string): string {
  return value.slice(0, value.lastIndexOf('.'))
}

/** All transactions, and what readers with read_committed were shown of them. */
export class TransactionModel {
  readonly #world: World
  readonly transactions = new Map<string, SimulatedTransaction>()
  /** By partition: value by offset, and offset by value. */
  readonly #values = new Map<string, Map<number, string>>()
  readonly #offsets = new Map<string, Map<string, number>>()
  readonly #numbers = new Map<string, number>()
  /** After `verify`: of every transaction it is known what became of it. */
  isCertain = true

  constructor(world: World) {
    this.#world = world
  }

  begin(transactionalId: string): SimulatedTransaction {
    const number = this.#numbers.get(transactionalId) ?? 0
    this.#numbers.set(transactionalId, number + 1)
    const transaction = new SimulatedTransaction(transactionalId, number)
    this.transactions.set(transaction.name, transaction)
    return transaction
  }

  /** A reader of any isolation was given `value` at `offset`: it stands there for ever, and nowhere else. */
  stands(partition: string, offset: number, value: string): SimulatedTransaction | null {
    const transaction = this.transactions.get(transactionOf(value))
    if (transaction === undefined) {
      this.#world.violate(`${partition} offset ${offset} holds ${value}, which nobody sent`)
      return null
    }
    const values = mapOf(this.#values, partition)
    const offsets = mapOf(this.#offsets, partition)
    const other = values.get(offset)
    if (other !== undefined && other !== value) this.#world.violate(`${partition} offset ${offset} holds ${value}, it held ${other}`)
    const elsewhere = offsets.get(value)
    if (elsewhere !== undefined && elsewhere !== offset) this.#world.violate(`${partition}: ${value} stands at ${elsewhere} and at ${offset}`)
    values.set(offset, value)
    offsets.set(value, offset)
    return transaction
  }

  /** A reader with read_committed was given it. */
  committed(partition: string, offset: number, value: string): void {
    const transaction = this.stands(partition, offset, value)
    if (transaction !== null && !transaction.mayBeVisible) {
      const why = transaction.outcome === 'aborted' ? 'was aborted' : 'nobody committed'
      this.#world.violate(`${partition}: ${value} at ${offset} is shown to read_committed, its transaction ${why}`)
    }
  }

  /** `found`: values by partition, in order, as read_committed gets them at the end. Notes which of those in doubt were committed. */
  verify(found: ReadonlyMap<string, readonly string[]>): void {
    for (const [partition, values] of found) this.#verifyOrder(partition, values)
    const sets = new Map([...found].map(([partition, values]) => [partition, new Set(values)]))
    for (const transaction of this.transactions.values()) {
      const shown = transaction.records.filter(({ partition, value }) => sets.get(partition)?.has(value))
      const isDamaged = (value: string): boolean => this.#world.damage.values.has(value)
      const missing = transaction.records.find(({ partition, value }) => !sets.get(partition)?.has(value) && !isDamaged(value))
      // What became of one whose records are all damaged nobody can see.
      if (shown.length === 0 && transaction.outcome === null && transaction.records.some(({ value }) => isDamaged(value))) this.isCertain = false
      else if (missing === undefined && transaction.records.length > 0) transaction.outcome ??= 'committed'
      if (transaction.outcome === 'committed' && missing !== undefined)
        this.#world.violate(`${transaction.name} was committed, ${missing.value} of ${missing.partition} is not there`)
      else if (shown.length > 0 && missing !== undefined)
        this.#world.violate(
          `${transaction.name} is there by half: ${shown[0]?.value} of ${shown[0]?.partition} is, ${missing.value} of ${missing.partition} is not`,
        )
      else if (missing !== undefined) transaction.outcome = 'aborted'
    }
  }

  /** The last one of those that committed an offset there; at the end, after `verify`. */
  lastOffset(group: string, partition: string): SimulatedTransaction | undefined {
    return [...this.transactions.values()].findLast(
      ({ outcome, offset }) => outcome === 'committed' && offset?.group === group && offset.partition === partition,
    )
  }

  /** The last that was acknowledged as committed: what OffsetFetch says next is its offset, or a later one. */
  floorOf(group: string, partition: string): number {
    return this.lastOffset(group, partition)?.number ?? -1
  }

  /** OffsetFetch said `metadata`; `floor` was acknowledged before it was asked. */
  offsetFetched(group: string, partition: string, offset: number, metadata: string, floor: number): void {
    const world = this.#world
    const place = `group ${group}, ${partition}`
    if (offset < 0) {
      if (floor >= 0) world.violate(`${place}: no offset is committed, transaction ${floor} was acknowledged`)
      return
    }
    const transaction = this.transactions.get(metadata)
    if (transaction?.offset?.offset !== offset) world.violate(`${place}: offset ${offset} "${metadata}" is committed, which nobody sent`)
    else if (!transaction.mayBeVisible) world.violate(`${place}: offset ${offset} of ${metadata} is told, which was not committed`)
    else if (transaction.number < floor) world.violate(`${place}: the offset of transaction ${transaction.number} is told, ${floor} was acknowledged`)
  }

  /** What consumed one partition and produced from it: each record once; at the end, after `verify`. */
  verifyConsumed(group: string, partition: string): void {
    let next = 0
    for (const { name, outcome, offset, records } of this.transactions.values()) {
      if (outcome !== 'committed' || offset?.group !== group || offset.partition !== partition) continue
      if (offset.from !== next) this.#world.violate(`group ${group}, ${partition}: ${name} consumed from ${offset.from}, ${next} was committed before`)
      if (records.length !== offset.offset - offset.from) this.#world.violate(`${name} made ${records.length} records of ${offset.offset - offset.from}`)
      next = offset.offset
    }
  }

  #verifyOrder(partition: string, values: readonly string[]): void {
    const last = new Map<string, readonly [number, number]>()
    for (const value of values) {
      const transaction = this.transactions.get(transactionOf(value))
      if (transaction === undefined) continue
      const index = Number(value.slice(value.lastIndexOf('.') + 1))
      const [number, before] = last.get(transaction.transactionalId) ?? [-1, -1]
      if (transaction.number < number || (transaction.number === number && index <= before))
        this.#world.violate(`${partition}: ${value} stands behind record ${before} of transaction ${number}`)
      last.set(transaction.transactionalId, [transaction.number, index])
    }
  }
}

function mapOf<K, V>(maps: Map<string, Map<K, V>>, key: string): Map<K, V> {
  let map = maps.get(key)
  if (map === undefined) {
    map = new Map()
    maps.set(key, map)
  }
  return map
}
