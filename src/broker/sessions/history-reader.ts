import type { LogFailure } from '../../log/ports.ts'
import type { Block, LogBlocks } from './log-blocks.ts'
import type { PartitionTail } from './partition-tail.ts'

interface Failed {
  readonly tail: PartitionTail
  readonly offset: number
  readonly failure: LogFailure
}

/** One session's reads of the log: one at a time, with the last block at hand. */
export class HistoryReader {
  readonly #blocks: LogBlocks
  readonly #wake: () => void
  #asked = false
  #answer: { readonly tail: PartitionTail; readonly block: Block } | null = null
  #failed: Failed | null = null

  /** `wake` is called when an answer came. */
  constructor(blocks: LogBlocks, wake: () => void) {
    this.#blocks = blocks
    this.#wake = wake
  }

  /** A block that holds `offset`, or why there is none; null while it is being read. */
  block(tail: PartitionTail, offset: number): Block | LogFailure | null {
    const answer = this.#answer
    if (answer !== null && answer.tail === tail && answer.block.from <= offset && offset < answer.block.end) return answer.block
    const failed = this.#failed
    if (failed !== null && failed.tail === tail && failed.offset === offset) {
      this.#failed = null
      return failed.failure
    }
    if (this.#asked) return null
    this.#asked = true
    const block = this.#blocks.get(tail, offset, (result) => {
      this.#asked = false
      if ('code' in result) this.#failed = { tail, offset, failure: result }
      else this.#answer = { tail, block: result }
      this.#wake()
    })
    if (block === null) return null
    this.#asked = false
    this.#answer = { tail, block }
    return block
  }

  /** Lets go of what was read. */
  drop(): void {
    this.#answer = null
    this.#failed = null
  }
}
