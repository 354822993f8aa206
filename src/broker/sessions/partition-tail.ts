import type { Partition } from '../topics/partition.ts'

/**
 * How far one partition was told to live sessions. A session "at the tail" has been offered everything below
 * `dispatched`; one that fell behind reads the log up to there and is at the tail again.
 */
export class PartitionTail {
  readonly partition: Partition
  /** Topic id and index: what positions on disk name. */
  readonly key: string
  /** The next offset to tell. At most the last stable offset. */
  dispatched: number
  /** True while a slow read of the delivery is under way: new batches are then taken from the log, in order. */
  busy = false
  /** Versions of `dispatched`, ascending: marks (marks.ts) at which it had changed, and what it was. */
  readonly markSeqs: number[] = []
  readonly markOffsets: number[] = []

  constructor(partition: Partition) {
    this.partition = partition
    this.key = `${partition.topic.id}/${partition.index}`
    this.dispatched = partition.log.lastStableOffset
  }

  get topicName(): string {
    return this.partition.topic.name
  }
}
