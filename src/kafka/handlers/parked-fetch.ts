import type { Partition, PartitionReader } from '../../broker/topics/partition.ts'
import type { Timer } from '../../runtime/clock.ts'
import type { RequestContext } from '../handler.ts'
import type { FetchRequest, FetchResponse } from '../messages/fetch.ts'
import type { Input } from '../wire/message.ts'
import type { FetchPlan } from './fetch-plan.ts'

type Response = Input<typeof FetchResponse>

/**
 * A Fetch that found too little: it waits for records, for the end of a partition, for its time or its connection's end. What
 * becomes visible is only counted; at the end of the turn in which it is enough, the partitions it came to are read again, once.
 */
export class ParkedFetch implements PartitionReader {
  readonly result: Promise<Response | null>
  readonly #plan: FetchPlan
  readonly #context: RequestContext
  readonly #minBytes: number
  readonly #timer: Timer
  readonly #forgetClose: () => void
  #resolve: (response: Response | null) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  /** Partitions where something happened since the last reading; null: nobody listened then. */
  #changed: Set<Partition> | null = new Set()
  /** What the last reading found, and what became visible since. */
  #knownBytes: number
  #evaluating = false
  /** Something happened while the disk was read. */
  #stale = false
  #expired = false
  #done = false

  constructor(plan: FetchPlan, request: FetchRequest, context: RequestContext) {
    this.#plan = plan
    this.#context = context
    this.#minBytes = request.minBytes
    this.#knownBytes = plan.readBytes
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    for (const partition of plan.partitions()) partition.addReader(this)
    this.#timer = context.broker.clock.after(request.maxWaitMs, () => {
      this.#expired = true
      this.#evaluateSoon()
    })
    this.#forgetClose = context.connection.onClose(() => this.#finish(null))
  }

  onVisible(partition: Partition, batches: readonly { readonly bytes: Uint8Array }[]): void {
    this.#changed?.add(partition)
    for (const { bytes } of batches) this.#knownBytes += bytes.length
    if (this.#knownBytes >= this.#minBytes) this.#evaluateSoon()
  }

  onStartRaised(partition: Partition): void {
    this.#changed?.add(partition)
    this.#evaluateSoon()
  }

  onDeleted(partition: Partition): void {
    this.#changed?.add(partition)
    this.#evaluateSoon()
  }

  /** Reads all again at the end of this turn. */
  readAllSoon(): void {
    this.#changed = null
    this.#evaluateSoon()
  }

  #evaluateSoon(): void {
    if (this.#done) return
    if (this.#evaluating) {
      this.#stale = true
      return
    }
    this.#evaluating = true
    this.#context.broker.clock.endOfTurn(() => this.#evaluate())
  }

  #evaluate(): void {
    this.#evaluating = true
    this.#stale = false
    const changed = this.#changed
    this.#changed = new Set()
    const read = changed === null ? this.#plan.read() : this.#plan.readAgain(changed)
    if (read instanceof Promise) read.then((enough) => this.#judge(enough), this.#reject)
    else this.#judge(read)
  }

  #judge(enough: boolean): void {
    this.#evaluating = false
    if (this.#done) return
    this.#knownBytes = this.#plan.readBytes
    if (enough || this.#expired) this.#finish(this.#plan.response())
    else if (this.#stale) this.#evaluateSoon()
  }

  #finish(response: Response | null): void {
    if (this.#done) return
    this.#done = true
    this.#timer.cancel()
    this.#forgetClose()
    for (const partition of this.#plan.partitions()) partition.removeReader(this)
    this.#plan.release()
    this.#resolve(response)
  }
}
