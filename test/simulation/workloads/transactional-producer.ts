import { KafkaClient } from '../kafka-client.ts'
import type { SimulatedTransaction, TransactionModel } from '../transaction-model.ts'
import type { World } from '../world.ts'
import {
  addOffsets,
  addPartitions,
  commitOffset,
  endTransaction,
  type Identity,
  initProducerId,
  type PartitionName,
  type Protocol,
  produceTransactional,
  type TransactionalBatch,
} from './transactional-requests.ts'

const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const INVALID_PRODUCER_EPOCH = 47
const INVALID_TXN_STATE = 48
const INVALID_PRODUCER_ID_MAPPING = 49
const CONCURRENT_TRANSACTIONS = 51
const PRODUCER_FENCED = 90
/** Answers after which a producer asks again: the disk fails, the broker starts, another change of the transaction is under way. */
const AGAIN = new Set([5, 6, 7, 14, 15, 16, CONCURRENT_TRANSACTIONS, 56])
const KEYS = ['a', 'b']
/** Requests under way at once: a partition remembers as many batches of a producer, and answers only those when they are sent again. */
const MAX_IN_FLIGHT = 5

/** What one transaction is to do. */
export interface Work {
  /** Partition by partition, record by record. */
  readonly batches: readonly (PartitionName & { readonly count: number })[]
  readonly offset: (PartitionName & { readonly group: string; readonly from: number; readonly offset: number }) | null
}

export interface SeatOptions {
  readonly transactionalId: string
  readonly protocol: Protocol
  readonly timeoutMs: number
  /** Null: nothing to do for now. Rejects with Disconnected. */
  readonly work: (client: KafkaClient) => Promise<Work | null>
  /** Told of each record before it is first sent, and of each transaction that was acknowledged. */
  readonly onSend?: (value: string, partition: PartitionName, key: string) => void
  readonly onCommitted?: (transaction: SimulatedTransaction) => void
}

/** Producer ids rise, and the epochs of each. */
function isBefore(one: Seat['newest'], other: Seat['newest']): boolean {
  return one.producerId < other.producerId || (one.producerId === other.producerId && one.epoch < other.epoch)
}

/** This producer is over: fenced, or it vanished. */
class Ended extends Error {}

/** A transactional id and the producers that hold it, one after the other: each fences those before, which may live on for a while. */
export class Seat {
  readonly #world: World
  readonly #model: TransactionModel
  readonly options: SeatOptions
  readonly #running = new Set<TransactionalInstance>()
  /** Who asks for the id now, and how often somebody had asked to the end. */
  readonly taking = new Set<object>()
  taken = 0
  /** The latest that was given out: two answers may arrive in another order than they were made. */
  newest: Pick<Identity, 'producerId' | 'epoch'> = { producerId: -1, epoch: -1 }

  constructor(world: World, model: TransactionModel, options: SeatOptions) {
    this.#world = world
    this.#model = model
    this.options = options
  }

  #finished = false

  get idle(): boolean {
    return this.#finished && this.#running.size === 0
  }

  async run(): Promise<void> {
    const { random } = this.#world
    while (!this.#world.stopping) {
      const instance = new TransactionalInstance(this.#world, this.#model, this)
      this.#running.add(instance)
      const over = instance.run().finally(() => this.#running.delete(instance))
      // Mostly the next one comes when the last is over, sometimes while it is alive.
      if (random.chance(0.4)) await Promise.race([over, this.#world.sleep(500 + random.below(6_000))])
      else await over
      await this.#world.sleep(random.below(random.chance(0.3) ? 4_000 : 300))
    }
    this.#finished = true
  }
}

/** One producer with a transactional id: transaction after transaction, until it is fenced, vanishes, or the run ends. */
class TransactionalInstance {
  readonly #world: World
  readonly #model: TransactionModel
  readonly #seat: Seat
  readonly #identity: Identity
  readonly #sequences = new Map<string, number>()
  #client: KafkaClient | null = null
  #transaction: SimulatedTransaction | null = null
  #beganAtMs = 0
  #beganWallMs = 0
  /** The seat's count when this one got the id. */
  #taken = 0
  /** A batch of the last transaction may still be under way: the epoch must rise before the next. */
  #inDoubt = false

  constructor(world: World, model: TransactionModel, seat: Seat) {
    this.#world = world
    this.#model = model
    this.#seat = seat
    const { transactionalId, protocol } = seat.options
    this.#identity = { transactionalId, protocol, producerId: -1, epoch: -1 }
  }

  async run(): Promise<void> {
    const world = this.#world
    try {
      await this.#init(false)
      while (!world.stopping) {
        const work = await this.#seat.options.work(await this.#connected()).catch(() => null)
        if (work !== null) await this.#play(work)
        if (work === null || world.random.chance(0.2)) await world.sleep(world.random.below(600))
      }
    } catch (error) {
      if (!(error instanceof Ended)) throw error
    } finally {
      this.#client?.close()
    }
  }

  // ---- one transaction

  async #play(work: Work): Promise<void> {
    const world = this.#world
    const { random } = world
    const transaction = this.#model.begin(this.#identity.transactionalId)
    this.#transaction = transaction
    this.#beganAtMs = world.time.nowMs
    this.#beganWallMs = world.time.wallMs
    const batches = work.batches.map((batch, i) => this.#batch(transaction, batch, work.batches.slice(0, i)))
    if (work.offset !== null) {
      const { group, topic, index, from, offset } = work.offset
      transaction.offset = { group, partition: `${topic}-${index}`, from, offset }
    }
    const commits = random.chance(0.7)
    const hurries = !commits && random.chance(0.4)
    if (this.#identity.protocol === 1) await this.#again('AddPartitionsToTxn', (client) => addPartitions(world, client, this.#identity, batches))
    this.#mayVanish()
    if (random.chance(0.05)) await world.sleep(random.below(2 * this.#seat.options.timeoutMs))
    if (work.offset !== null && random.chance(0.5)) await this.#commitOffset(work.offset)
    const offsetIsSent = work.offset === null || random.chance(0.5)
    // Who gives up does not wait for what is under way.
    const produced = this.#produceAll(transaction, batches, hurries)
    if (hurries) {
      produced.catch(() => undefined)
      await world.sleep(random.below(4))
      this.#inDoubt = true
    } else await produced
    if (!hurries && work.offset !== null && (!offsetIsSent || commits)) await this.#commitOffset(work.offset)
    this.#mayVanish()
    if (random.chance(0.1)) await world.sleep(random.below(1_500))
    await this.#end(transaction, commits)
    await produced
    if (this.#inDoubt && this.#identity.protocol === 1) await this.#init(true)
    this.#inDoubt = false
  }

  #batch(transaction: SimulatedTransaction, { topic, index, count }: Work['batches'][number], before: Work['batches']): TransactionalBatch {
    const { random } = this.#world
    const partition = `${topic}-${index}`
    const sequence = this.#sequences.get(partition) ?? 0
    const ahead = before.reduce((sum, batch) => sum + (batch.topic === topic && batch.index === index ? batch.count : 0), 0)
    const values = Array.from({ length: count }, () => {
      const value = `${transaction.name}.${transaction.records.length}`
      const key = random.pick(KEYS)
      transaction.records.push({ value, partition })
      this.#seat.options.onSend?.(value, { topic, index }, key)
      return { value, key, padding: random.chance(0.03) ? random.below(20_000) : random.below(150) }
    })
    return { topic, index, values, baseSequence: sequence + ahead }
  }

  /** All of it, several batches in one request, some requests without waiting for the answers before. */
  async #produceAll(transaction: SimulatedTransaction, batches: readonly TransactionalBatch[], hurries: boolean): Promise<void> {
    const world = this.#world
    const { random } = world
    const refused: TransactionalBatch[] = []
    const unexpected: number[] = []
    const waiting: Promise<void>[] = []
    for (let at = 0; at < batches.length; ) {
      const client = await this.#connected()
      // Who hurries may have ended it meanwhile.
      if (this.#transaction !== transaction) return
      if (refused.length > 0) {
        // What follows a batch that may be lost waits for it.
        refused.push(...batches.slice(at))
        break
      }
      const request = takeDistinct(batches, at, 1 + random.below(3))
      at += request.length
      const sent = produceTransactional(world, client, this.#identity, request).then(
        (codes) => {
          // The end of the transaction may overtake what it does not wait for.
          if (hurries) return
          codes.forEach((code, i) => {
            if (code === 0) this.#written(request[i] as TransactionalBatch)
            else {
              refused.push(request[i] as TransactionalBatch)
              if (code !== OUT_OF_ORDER_SEQUENCE_NUMBER || refused.length === 1) unexpected.push(code)
            }
          })
        },
        () => void refused.push(...request),
      )
      waiting.push(sent)
      // Answers come in the order of the requests.
      if (random.chance(0.5) || waiting.length % MAX_IN_FLIGHT === 0) await sent
    }
    await Promise.all(waiting)
    if (hurries) return
    for (const code of unexpected) this.#check('Produce', code)
    // Again, one after the other, in their order.
    for (const batch of refused.toSorted((a, b) => batches.indexOf(a) - batches.indexOf(b))) {
      world.count('transactional batches again')
      await this.#again('Produce', async (client) => (await produceTransactional(world, client, this.#identity, [batch]))[0] as number)
      this.#written(batch)
    }
  }

  #written({ topic, index, baseSequence, values }: TransactionalBatch): void {
    this.#sequences.set(`${topic}-${index}`, baseSequence + values.length)
  }

  async #commitOffset(offset: NonNullable<Work['offset']>): Promise<void> {
    const world = this.#world
    const metadata = this.#transaction?.name ?? ''
    if (this.#identity.protocol === 1) await this.#again('AddOffsetsToTxn', (client) => addOffsets(world, client, this.#identity, offset.group))
    await this.#again('TxnOffsetCommit', (client) => commitOffset(world, client, this.#identity, { ...offset, metadata }))
  }

  /** The same question until it is answered. */
  async #end(transaction: SimulatedTransaction, commit: boolean): Promise<void> {
    const world = this.#world
    if (commit) transaction.commitSent = true
    let inDoubt = false
    for (;;) {
      const client = await this.#connected()
      const asked = endTransaction(world, client, this.#identity, commit)
      if (world.random.chance(0.04)) client.close()
      const code = await asked.catch(() => null)
      world.trace('asked', `EndTxn of ${transaction.name} ${commit ? 'commit' : 'abort'}: ${code}`)
      if (code === 0) {
        transaction.outcome = commit ? 'committed' : 'aborted'
        this.#transaction = null
        if (this.#identity.protocol === 2) this.#sequences.clear()
        world.count(`transactions ${transaction.outcome}`)
        if (commit) this.#seat.options.onCommitted?.(transaction)
        return
      }
      if (code === null) {
        inDoubt = true
        world.count('EndTxn in doubt')
      } else if (!AGAIN.has(code)) {
        // It was never accepted, unless an answer was lost.
        if (!inDoubt) transaction.outcome = 'aborted'
        this.#check('EndTxn', code)
        throw new Ended()
      } else await world.sleep(20 + world.random.below(100))
    }
  }

  // ---- asking

  async #init(keeps: boolean): Promise<void> {
    const world = this.#world
    const { timeoutMs } = this.#seat.options
    this.#seat.taking.add(this)
    try {
      await this.#again('InitProducerId', (client) => initProducerId(world, client, this.#identity, timeoutMs, keeps))
    } finally {
      this.#seat.taking.delete(this)
      this.#taken = ++this.#seat.taken
    }
    if (isBefore(this.#seat.newest, this.#identity)) this.#seat.newest = { ...this.#identity }
    this.#sequences.clear()
    world.count('transactional producers')
  }

  async #again(what: string, ask: (client: KafkaClient) => Promise<number>): Promise<void> {
    const world = this.#world
    for (;;) {
      const client = await this.#connected()
      const code = await ask(client).catch(() => null)
      world.trace('asked', `${what} of ${this.#transaction?.name ?? this.#identity.transactionalId} epoch ${this.#identity.epoch}: ${code}`)
      if (code === 0) return
      if (code === null) continue
      world.count(`${what} error ${code}`)
      this.#check(what, code)
      await world.sleep(20 + world.random.below(100))
    }
  }

  /** Throws where the producer is over; a violation where it should not be. */
  #check(what: string, code: number): void {
    const world = this.#world
    if (AGAIN.has(code)) return
    const { transactionalId, epoch, producerId, protocol } = this.#identity
    const isFenced = code === INVALID_PRODUCER_EPOCH || code === PRODUCER_FENCED || code === INVALID_PRODUCER_ID_MAPPING
    const isTooLate = what === 'EndTxn' && code === INVALID_TXN_STATE && protocol === 2
    if (!(isFenced || isTooLate) || !this.#mayBeFenced)
      world.violate(`${transactionalId}: ${what} of producer ${producerId} epoch ${epoch} (TV${protocol}) answered ${code}, nothing explains it`)
    world.count('transactional producers fenced')
    throw new Ended()
  }

  get #mayBeFenced(): boolean {
    const { timeoutMs } = this.#seat.options
    const { nowMs, wallMs } = this.#world.time
    const { taking, taken, newest } = this.#seat
    // Another asked for the id since: its question may have been answered long after it was sent.
    if (this.#taken < taken || isBefore(this.#identity, newest) || taking.size > (taking.has(this) ? 1 : 0)) return true
    return this.#transaction !== null && (nowMs - this.#beganAtMs >= timeoutMs || wallMs - this.#beganWallMs >= timeoutMs)
  }

  #mayVanish(): void {
    if (!this.#world.random.chance(0.06)) return
    this.#world.count('transactional producers vanished')
    throw new Ended()
  }

  async #connected(): Promise<KafkaClient> {
    if (this.#client === null || this.#client.closed) {
      if (this.#client !== null) this.#inDoubt = true
      await this.#world.sleep(this.#world.random.below(60))
      this.#client = await KafkaClient.open(this.#world)
    }
    return this.#client
  }
}

/** Up to `count` batches from `at` on, of different partitions. */
function takeDistinct(batches: readonly TransactionalBatch[], at: number, count: number): TransactionalBatch[] {
  const taken: TransactionalBatch[] = []
  for (const batch of batches.slice(at, at + count)) {
    if (taken.some(({ topic, index }) => topic === batch.topic && index === batch.index)) break
    taken.push(batch)
  }
  return taken
}
