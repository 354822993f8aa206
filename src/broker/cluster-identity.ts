import type { LogFailure, LogStore, StateMachine } from '../log/ports.ts'
import type { Random } from '../runtime/random.ts'
import { randomUuid } from '../util/uuid.ts'
import { STATE_KINDS } from './state-kinds.ts'

const KEY = 'cluster-id'

/** The id that clients know this cluster by (Metadata, DescribeCluster): made with the first start on a data directory, then kept. */
export class ClusterIdentityStore implements StateMachine {
  readonly kind = STATE_KINDS.cluster
  readonly #log: LogStore
  readonly #random: Random
  #clusterId = ''

  constructor(log: LogStore, random: Random) {
    this.#log = log
    this.#random = random
    log.register(this)
  }

  /** 22 characters of URL-safe base64; empty before `open`. */
  get clusterId(): string {
    return this.#clusterId
  }

  /** Makes the id where there is none yet; it is durable when this resolves. Rejects where the disk refuses. */
  async open(): Promise<void> {
    if (this.#clusterId !== '') return
    this.#clusterId = randomUuid(this.#random)
    const state = [{ kind: this.kind, key: KEY, value: Buffer.from(this.#clusterId) }]
    const failed = await new Promise<LogFailure | null>((resolve) => this.#log.append({ batches: [], state, durability: 'durable', onDone: resolve }))
    if (failed !== null) throw new Error(failed.message, { cause: failed.cause })
  }

  apply(key: string, value: Uint8Array | null): void {
    if (key === KEY && value !== null) this.#clusterId = Buffer.from(value).toString()
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    if (this.#clusterId !== '') yield [KEY, Buffer.from(this.#clusterId)]
  }
}
