import type { PartitionLog, VisibleBatch } from '../../log/ports.ts'
import type { Topic } from './topic.ts'

/** Something that waits for records: a parked Fetch, the MQTT delivery, an SSE stream. */
export interface PartitionReader {
  /** The high watermark rose over these batches, in offset order. Views are valid within the call. */
  onVisible(partition: Partition, batches: readonly VisibleBatch[]): void
  /** The log start rose, by retention or DeleteRecords. */
  onStartRaised?(partition: Partition, logStartOffset: number): void
  /** The topic was deleted; nothing follows. */
  onDeleted(partition: Partition): void
}

/** One partition as all protocols meet it: its log, and whoever waits for more. */
export class Partition {
  readonly topic: Topic
  readonly index: number
  readonly log: PartitionLog
  readonly #readers = new Set<PartitionReader>()
  #deleted = false

  constructor(topic: Topic, log: PartitionLog) {
    this.topic = topic
    this.index = log.index
    this.log = log
    log.onVisible = (batches) => this.#tell(batches)
    log.onStartRaised = (offset) => {
      for (const reader of [...this.#readers]) reader.onStartRaised?.(this, offset)
    }
  }

  get deleted(): boolean {
    return this.#deleted
  }

  addReader(reader: PartitionReader): void {
    this.#readers.add(reader)
  }

  removeReader(reader: PartitionReader): void {
    this.#readers.delete(reader)
  }

  /** Called by the registry when the topic is gone. */
  markDeleted(): void {
    this.#deleted = true
    const readers = [...this.#readers]
    this.#readers.clear()
    for (const reader of readers) reader.onDeleted(this)
  }

  #tell(batches: readonly VisibleBatch[]): void {
    // A reader may remove itself while it is told; a Set's iteration allows that.
    for (const reader of this.#readers) reader.onVisible(this, batches)
  }
}
