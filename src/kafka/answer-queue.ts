import type { Chunks } from './wire/chunk-writer.ts'

interface Slot {
  chunks: Chunks | null
  done: boolean
  readonly requestBytes: number
}

/** Answers of one connection: they leave in the order of their requests, whenever each is ready (rule 5). */
export class AnswerQueue {
  readonly #write: (chunks: Chunks) => void
  readonly #slots: Slot[] = []
  #waitingBytes = 0

  constructor(write: (chunks: Chunks) => void) {
    this.#write = write
  }

  /** Requests whose answer has not left. */
  get waiting(): number {
    return this.#slots.length
  }

  /** Bytes of those requests, and of answers that wait for an earlier one. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** An answer that is ready. */
  add(chunks: Chunks, requestBytes: number): void {
    if (this.#slots.length === 0) this.#write(chunks)
    else this.promise(requestBytes)(chunks)
  }

  /** Keeps the place of an answer that is not ready; the function takes it, null for none. */
  promise(requestBytes: number): (chunks: Chunks | null) => void {
    const slot: Slot = { chunks: null, done: false, requestBytes }
    this.#slots.push(slot)
    this.#waitingBytes += requestBytes
    return (chunks) => {
      slot.chunks = chunks
      slot.done = true
      if (this.#slots[0] === slot) this.#release()
      else this.#waitingBytes += bytesOf(chunks)
    }
  }

  #release(): void {
    let released = 0
    for (const slot of this.#slots) {
      if (!slot.done) break
      // The first answer was never counted as waiting: it leaves at once.
      this.#waitingBytes -= slot.requestBytes + (released === 0 ? 0 : bytesOf(slot.chunks))
      if (slot.chunks !== null) this.#write(slot.chunks)
      released += 1
    }
    this.#slots.splice(0, released)
  }
}

function bytesOf(chunks: Chunks | null): number {
  return chunks === null ? 0 : chunks.reduce((total, chunk) => total + chunk.length, 0)
}
