import { lastSlot } from './offset-index.ts'

/** An epoch and the first offset written in it. */
export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/** The leader epochs of a partition, both columns rising (LeaderEpochFileCache.java). A log without any is in epoch 0. */
export class LeaderEpochs {
  readonly #starts: EpochStart[]

  constructor(starts: readonly EpochStart[]) {
    this.#starts = [...starts]
  }

  get all(): readonly EpochStart[] {
    return this.#starts
  }

  get current(): number {
    return this.#starts.at(-1)?.epoch ?? 0
  }

  /** Begins `epoch` at `startOffset`; epochs that began there or later had no records. Answers whether anything changed. */
  begin(epoch: number, startOffset: number): boolean {
    const last = this.#starts.at(-1)
    if (last !== undefined && last.epoch === epoch) return false
    while ((this.#starts.at(-1)?.startOffset ?? -1) >= startOffset) this.#starts.pop()
    this.#starts.push({ epoch, startOffset })
    return true
  }

  /** Forgets what lies wholly below the log start. */
  raiseStart(logStartOffset: number): void {
    while (this.#starts.length > 1 && (this.#starts[1] as EpochStart).startOffset <= logStartOffset) this.#starts.shift()
    const first = this.#starts[0]
    if (first !== undefined && first.startOffset < logStartOffset) this.#starts[0] = { epoch: first.epoch, startOffset: logStartOffset }
  }

  /** The epoch of the record at `offset`; -1 where it lies before all epochs. */
  at(offset: number): number {
    const slot = lastSlot(this.#starts.length, (i) => (this.#starts[i] as EpochStart).startOffset <= offset)
    return this.#starts[slot]?.epoch ?? -1
  }

  /** OffsetForLeaderEpoch: the largest epoch at or below `epoch`, and where it ends. */
  endOf(epoch: number, logEndOffset: number): { readonly leaderEpoch: number; readonly endOffset: number } | null {
    const current = this.current
    if (epoch === current) return { leaderEpoch: current, endOffset: logEndOffset }
    if (epoch > current) return null
    const slot = lastSlot(this.#starts.length, (i) => (this.#starts[i] as EpochStart).epoch <= epoch)
    const next = this.#starts[slot + 1]
    if (next === undefined) return null
    const found = this.#starts[slot]
    // Kafka: an epoch before the first one known ends where the first one begins.
    return { leaderEpoch: found?.epoch ?? epoch, endOffset: next.startOffset }
  }
}

/** Kafka's `leader-epoch-checkpoint`: version, number of lines, then `epoch startOffset` each. */
export function formatEpochs(starts: readonly EpochStart[]): string {
  return `0\n${starts.length}\n${starts.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`).join('')}`
}

/** Null where the text is no such file. */
export function parseEpochs(text: string): EpochStart[] | null {
  const [version, count, ...lines] = text.trimEnd().split('\n')
  if (version !== '0' || Number(count) !== lines.length) return null
  const starts = lines.map((line) => {
    const [epoch, startOffset] = line.split(' ').map(Number)
    return { epoch: epoch ?? Number.NaN, startOffset: startOffset ?? Number.NaN }
  })
  return starts.every(({ epoch, startOffset }) => Number.isSafeInteger(epoch) && Number.isSafeInteger(startOffset)) ? starts : null
}
