import type { AppendGroup, LogStore, PartitionLog, StateMachine } from '../../../../src/log/ports.ts'

/** A log that assigns offsets, takes down what was appended and says "done" when told to: for tests of what stands above it. */
export class InstantLog implements LogStore {
  readonly stateEndOffset = 0
  readonly congested = false
  readonly description = 'test:'
  readonly machines: StateMachine[] = []
  readonly groups: AppendGroup[] = []
  readonly #ends = new Map<PartitionLog, number>()
  #waiting: AppendGroup[] = []

  register(machine: StateMachine): void {
    this.machines.push(machine)
  }
  async open(): Promise<void> {}
  async openPartition(topicId: string, topicName: string, index: number): Promise<PartitionLog> {
    return this.createPartition(topicId, topicName, index)
  }
  createPartition(topicId: string, topicName: string, index: number): PartitionLog {
    return { topicId, topicName, index, onVisible: null, onStartRaised: null, setSettings: () => {} } as unknown as PartitionLog
  }
  deleteTopic(): void {}
  start(): void {}
  whenDrained(run: () => void): void {
    run()
  }

  append(group: AppendGroup): void {
    this.groups.push(group)
    this.#waiting.push(group)
    group.onAssigned?.(
      group.batches.map(({ partition, bytes }) => {
        const base = this.#ends.get(partition) ?? 0
        this.#ends.set(partition, base + Buffer.from(bytes).readInt32BE(23) + 1)
        return base
      }),
    )
  }
  /** Ends every append that waits. */
  finish(failed: Parameters<AppendGroup['onDone']>[0] = null): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const group of waiting) group.onDone(failed)
  }
  async close(): Promise<void> {}

  async space(): Promise<null> {
    return null
  }
}
