import type { AppendGroup, LogFailure, LogStore, PartitionLog, StateMachine, StateRecord } from '../../../../src/log/ports.ts'

const FAILED: LogFailure = { code: 'storage-error', message: 'the disk said no' }

/**
 * The coordinator's half of a log: state records that become durable when the test says so, and are forgotten by a crash
 * before. `durable` outlives it: give it to the next one.
 */
export class StateLog implements LogStore {
  readonly stateEndOffset = 0
  readonly congested = false
  readonly description = 'test:'
  readonly durable: Map<string, StateRecord>
  readonly #machines = new Map<number, StateMachine>()
  readonly #waiting: AppendGroup[] = []
  /** Appends become durable at once when true, at the end of the turn. */
  #crashed = false

  constructor(durable: ReadonlyMap<string, StateRecord> = new Map()) {
    this.durable = new Map(durable)
  }

  register(machine: StateMachine): void {
    this.#machines.set(machine.kind, machine)
  }

  async open(): Promise<void> {
    this.replay()
  }

  /** What `open` does; at once. */
  replay(): void {
    for (const { kind, key, value } of this.durable.values()) this.#machines.get(kind)?.apply(key, value)
  }

  whenDrained(run: () => void): void {
    run()
  }

  append(group: AppendGroup): void {
    if (this.#crashed) return
    this.#waiting.push(group)
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  /** Commits the first `count` appends that wait. */
  commit(count = Number.POSITIVE_INFINITY): void {
    for (let left = count; left > 0; left--) {
      const group = this.#waiting.shift()
      if (group === undefined) return
      for (const record of group.state) this.#write(record)
      group.onDone(null)
    }
  }

  /** The disk refuses all that waits. */
  fail(): void {
    for (const group of this.#waiting.splice(0)) group.onDone(FAILED)
  }

  /** The process is gone: `kept` of what waited had reached the disk although nobody was told. */
  crash(kept = 0): void {
    this.#crashed = true
    for (const group of this.#waiting.splice(0).slice(0, kept)) for (const record of group.state) this.#write(record)
  }

  /** What a snapshot would hold now, in place of the history. */
  snapshot(): Map<string, StateRecord> {
    const records = new Map<string, StateRecord>()
    for (const machine of this.#machines.values()) {
      for (const [key, value] of machine.entries()) records.set(`${machine.kind}/${key}`, { kind: machine.kind, key, value: new Uint8Array(value) })
    }
    return records
  }

  createPartition(topicId: string, topicName: string, index: number): PartitionLog {
    const empty = { logStartOffset: 0, logEndOffset: 0, highWatermark: 0, leaderEpoch: 0 }
    const partition: Partial<PartitionLog> & { onVisible: null; onStartRaised: null } = {
      ...empty,
      ...{ topicId, topicName, index, onVisible: null, onStartRaised: null },
    }
    return partition as PartitionLog
  }

  async openPartition(topicId: string, topicName: string, index: number): Promise<PartitionLog> {
    return this.createPartition(topicId, topicName, index)
  }

  deleteTopic(): void {}

  start(): void {}

  async space(): Promise<null> {
    return null
  }

  async close(): Promise<void> {}

  #write(record: StateRecord): void {
    const key = `${record.kind}/${record.key}`
    if (record.value === null) this.durable.delete(key)
    else this.durable.set(key, { ...record, value: new Uint8Array(record.value) })
  }
}
