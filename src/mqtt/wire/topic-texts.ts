/** Topics remembered per connection; a publisher has few. A power of two. */
const SLOTS = 64
/** Longer topics are decoded every time. */
const MAX_BYTES = 128

/**
 * Topics that were decoded before, found by their bytes: one string object per topic, so that maps keyed by it need not
 * hash it again. Made when the first topic comes: an idle connection has none.
 */
export class TopicTexts {
  #bytes: (Buffer | undefined)[] | null = null
  #texts: string[] = []

  find(bytes: Buffer, from: number, to: number): string | undefined {
    if (this.#bytes === null) return undefined
    const slot = slotOf(bytes, from, to)
    const known = this.#bytes[slot]
    if (known === undefined || known.length !== to - from) return undefined
    for (let at = 0; at < known.length; at++) if (known[at] !== bytes[from + at]) return undefined
    return this.#texts[slot]
  }

  add(bytes: Buffer, from: number, to: number, text: string): void {
    if (to - from > MAX_BYTES) return
    this.#bytes ??= new Array<Buffer | undefined>(SLOTS).fill(undefined)
    const slot = slotOf(bytes, from, to)
    this.#bytes[slot] = Buffer.from(bytes.subarray(from, to))
    this.#texts[slot] = text
  }
}

/** Devices differ in their last characters, kinds in their middle. */
function slotOf(bytes: Buffer, from: number, to: number): number {
  const last = bytes[to - 1] as number
  const before = bytes[Math.max(from, to - 2)] as number
  const middle = bytes[(from + to) >> 1] as number
  return (last + before * 7 + middle * 31 + (to - from)) & (SLOTS - 1)
}
