/** Topic id to partitions. */
export type Partitions = ReadonlyMap<string, ReadonlySet<number>>

/** Topic id to partition to the member epoch at which the member was given it: a commit of that epoch or later is its own (KIP-1251). */
export type EpochedPartitions = ReadonlyMap<string, ReadonlyMap<number, number>>

/** Partitions of one topic, as requests and answers say them. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

export const NO_PARTITIONS: Partitions = new Map()
export const NO_EPOCHED_PARTITIONS: EpochedPartitions = new Map()

export function samePartitions(left: Partitions, right: Partitions): boolean {
  if (left === right) return true
  if (left.size !== right.size) return false
  for (const [topicId, partitions] of left) {
    const others = right.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}

/** The same partitions, given at the same epochs. */
export function sameEpochedPartitions(left: EpochedPartitions, right: EpochedPartitions): boolean {
  if (left === right) return true
  if (left.size !== right.size) return false
  for (const [topicId, epochs] of left) {
    const others = right.get(topicId)
    if (others === undefined || others.size !== epochs.size) return false
    for (const [partition, epoch] of epochs) if (others.get(partition) !== epoch) return false
  }
  return true
}

/** All partitions as given at one epoch. */
export function atEpoch(partitions: Partitions | EpochedPartitions, epoch: number): EpochedPartitions {
  return new Map([...partitions].map(([topicId, ofTopic]) => [topicId, new Map([...ofTopic.keys()].map((partition) => [partition, epoch]))]))
}

/** As answers say them: ascending. */
export function listPartitions(partitions: Partitions | EpochedPartitions): TopicPartitions[] {
  return [...partitions].map(([topicId, ofTopic]) => ({ topicId, partitions: [...ofTopic.keys()].sort((left, right) => left - right) }))
}

/** Whether all that is listed is among the partitions. */
export function includesAll(partitions: EpochedPartitions, listed: readonly TopicPartitions[]): boolean {
  return listed.every((topic) => topic.partitions.every((partition) => partitions.get(topic.topicId)?.has(partition) === true))
}

/** Whether any of what is listed is among the partitions. */
export function includesAny(partitions: EpochedPartitions, listed: readonly TopicPartitions[]): boolean {
  return listed.some((topic) => topic.partitions.some((partition) => partitions.get(topic.topicId)?.has(partition) === true))
}
