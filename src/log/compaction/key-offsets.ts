import { hash } from 'node:crypto'

/** 128 bits of a key's SHA-1, as four int32. */
const HASH_WORDS = 4
const HASH_BYTES = HASH_WORDS * 4
/** A hash and an offset as a float64. */
const ENTRY_BYTES = HASH_BYTES + 8
/** Entries in use beyond this share make look-ups long. */
const LOAD_FACTOR = 0.9
const MAX_TABLES = 1024
const LEAST_TABLE_SLOTS = 64
const FIRST_TABLE_SLOTS = 16
const FREE = -1

/**
 * The last offset of each key, in bounded memory (SkimpyOffsetMap.java): keys are held as 128 bits of a hash that nobody can find a second
 * key for, so that whoever may write one key cannot make another one go. Made of many small tables, so that none takes long to grow.
 */
export class KeyOffsets {
  readonly #tables: (Table | undefined)[]
  readonly #tableSlotsMax: number
  #size = 0

  /** `maxBytes`: memory for its entries. */
  constructor(maxBytes: number) {
    const slots = Math.floor(maxBytes / ENTRY_BYTES)
    const tables = Math.max(1, Math.min(MAX_TABLES, Math.floor(slots / LEAST_TABLE_SLOTS)))
    this.#tables = new Array(tables)
    this.#tableSlotsMax = Math.max(FIRST_TABLE_SLOTS, Math.floor(slots / tables))
  }

  get size(): number {
    return this.#size
  }

  /** Remembers that `key` stands at `offset`, which rises from call to call; false where there is no room for a new key. */
  put(key: Uint8Array, offset: number): boolean {
    const words = wordsOf(key)
    const which = this.#tableOf(words)
    this.#tables[which] ??= new Table(Math.min(FIRST_TABLE_SLOTS, this.#tableSlotsMax), this.#tableSlotsMax)
    const table = this.#tables[which] as Table
    const before = table.size
    if (!table.put(words, offset)) return false
    this.#size += table.size - before
    return true
  }

  /** The last offset of `key`; -1 where it was not put. */
  get(key: Uint8Array): number {
    const words = wordsOf(key)
    return this.#tables[this.#tableOf(words)]?.get(words) ?? -1
  }

  #tableOf(words: Int32Array): number {
    return ((words[0] as number) >>> 0) % this.#tables.length
  }
}

class Table {
  readonly #maxSlots: number
  #slots: number
  #hashes: Int32Array
  #offsets: Float64Array
  size = 0

  constructor(slots: number, maxSlots: number) {
    this.#maxSlots = maxSlots
    this.#slots = slots
    this.#hashes = new Int32Array(slots * HASH_WORDS)
    this.#offsets = new Float64Array(slots).fill(FREE)
  }

  put(words: Int32Array, offset: number): boolean {
    let slot = this.#slotOf(words)
    if (this.#offsets[slot] === FREE) {
      if (this.size + 1 > this.#slots * LOAD_FACTOR) {
        if (this.#slots === this.#maxSlots) return false
        this.#grow()
        slot = this.#slotOf(words)
      }
      this.size++
      this.#hashes.set(words, slot * HASH_WORDS)
    }
    this.#offsets[slot] = offset
    return true
  }

  get(words: Int32Array): number {
    return this.#offsets[this.#slotOf(words)] as number
  }

  /** The slot that has the hash, or the free one where it would go. */
  #slotOf(words: Int32Array): number {
    const hashes = this.#hashes
    let slot = ((words[1] as number) >>> 0) % this.#slots
    for (;;) {
      const at = slot * HASH_WORDS
      const isSame = hashes[at] === words[0] && hashes[at + 1] === words[1] && hashes[at + 2] === words[2] && hashes[at + 3] === words[3]
      if (this.#offsets[slot] === FREE || isSame) return slot
      slot = slot + 1 === this.#slots ? 0 : slot + 1
    }
  }

  #grow(): void {
    const hashes = this.#hashes
    const offsets = this.#offsets
    this.#slots = Math.min(this.#maxSlots, this.#slots * 2)
    this.#hashes = new Int32Array(this.#slots * HASH_WORDS)
    this.#offsets = new Float64Array(this.#slots).fill(FREE)
    for (const [old, offset] of offsets.entries()) {
      if (offset === FREE) continue
      const words = hashes.subarray(old * HASH_WORDS, (old + 1) * HASH_WORDS)
      const slot = this.#slotOf(words)
      this.#hashes.set(words, slot * HASH_WORDS)
      this.#offsets[slot] = offset
    }
  }
}

function wordsOf(key: Uint8Array): Int32Array {
  const digest = hash('sha1', key, 'buffer')
  return new Int32Array(digest.buffer, digest.byteOffset, HASH_WORDS)
}
