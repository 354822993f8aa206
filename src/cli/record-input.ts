import { usageError } from './command.ts'
import type { FormatPart } from './record-format.ts'
import { type GivenRecord, recordFromJson } from './record-json.ts'

/** The longest record that is read from stdin, in bytes: a missing delimiter must not fill the memory. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024

/** Cuts stdin into records: lines of JSON, or what a format says. */
export interface RecordParser {
  /** The records that are whole so far. */
  push(chunk: Buffer): GivenRecord[]
  /** The rest, when stdin has ended. */
  end(): GivenRecord[]
}

/** Lines as `consume --json` prints them; empty ones are skipped. */
export function jsonParser(): RecordParser {
  let line = 0
  const lines = new Cutter([{ delimiter: Buffer.from('\n') }], ([bytes]) => {
    line++
    const text = bytes?.toString().trim() ?? ''
    return text === '' ? null : recordFromJson(text, `line ${line}`)
  })
  return lines
}

/**
 * The format of `consume -f`, read backwards: every field ends where the text behind it begins. Only keys and values can be
 * read, and the last thing must be text, the end of a record.
 */
export function formatParser(parts: readonly FormatPart[]): RecordParser {
  const steps: Step[] = []
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'text') {
      if (parts[index - 1] === undefined) throw usageError('--format: to be read, a record begins with %k or %v')
      continue
    }
    if (part.kind !== 'key' && part.kind !== 'value') throw usageError(`--format: only %k and %v can be read, not the ${part.kind}`)
    const next = parts[index + 1]
    if (next?.kind !== 'text') throw usageError('--format: to be read, %k and %v must be followed by text that ends them, such as \\t or \\n')
    steps.push({ delimiter: next.bytes, field: part.kind, encoding: part.encoding })
  }
  if (steps.length === 0) throw usageError('--format: there is nothing to read in it; %v\\n is a value per line')
  return new Cutter(steps, (fields) => {
    const record: { key: Uint8Array | null; value: Uint8Array | null } = { key: null, value: null }
    steps.forEach(({ field, encoding }, index) => {
      const bytes = fields[index] as Buffer
      if (field !== undefined) record[field] = encoding === undefined || encoding === 'utf8' ? bytes : Buffer.from(bytes.toString('latin1'), encoding)
    })
    return { ...record, headers: [] }
  })
}

interface Step {
  readonly delimiter: Buffer
  readonly field?: 'key' | 'value'
  readonly encoding?: 'utf8' | 'hex' | 'base64'
}

/** Cuts bytes at delimiters that come in turn; a full turn is a record. */
class Cutter implements RecordParser {
  readonly #steps: readonly Step[]
  readonly #make: (fields: readonly Buffer[]) => GivenRecord | null
  #rest: Buffer = Buffer.alloc(0)
  #fields: Buffer[] = []

  constructor(steps: readonly Step[], make: (fields: readonly Buffer[]) => GivenRecord | null) {
    this.#steps = steps
    this.#make = make
  }

  push(chunk: Buffer): GivenRecord[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const records: GivenRecord[] = []
    let at = 0
    for (;;) {
      const { delimiter } = this.#steps[this.#fields.length] as Step
      const found = this.#rest.indexOf(delimiter, at)
      if (found < 0) break
      this.#take(this.#rest.subarray(at, found), records)
      at = found + delimiter.length
    }
    this.#rest = this.#rest.subarray(at)
    if (this.#rest.length > MAX_RECORD_BYTES) throw usageError(`a record of over ${MAX_RECORD_BYTES} bytes: is its end missing?`)
    return records
  }

  end(): GivenRecord[] {
    const records: GivenRecord[] = []
    // A last line without its newline is a record like any other.
    if (this.#rest.length > 0 || this.#fields.length > 0) this.#take(this.#rest, records)
    if (this.#fields.length > 0) throw usageError(`stdin ended within a record: ${this.#fields.length} of its ${this.#steps.length} fields were there`)
    return records
  }

  #take(field: Buffer, records: GivenRecord[]): void {
    this.#fields.push(field)
    if (this.#fields.length < this.#steps.length) return
    const record = this.#make(this.#fields)
    this.#fields = []
    if (record !== null) records.push(record)
  }
}
