import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Finding } from './run.ts'
import type { Meta } from './target.ts'

const FOLDER = new URL('../finds/', import.meta.url)

/** What once went wrong, as it is kept: the bytes in hexadecimal, long ones packed first. */
interface StoredFind {
  /** What was wrong. */
  readonly what: string
  readonly meta: Meta
  readonly parts: readonly string[]
}

/** A find that is replayed by every test run. */
export interface Find {
  readonly target: string
  readonly name: string
  readonly what: string
  readonly meta: Meta
  readonly parts: readonly Buffer[]
}

const PACKED = 'gzip:'
/** Longer parts are packed. */
const PLAIN_BYTES = 256

export function loadFinds(): Find[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: target }) =>
      readdirSync(new URL(`${target}/`, FOLDER))
        .filter((file) => file.endsWith('.json'))
        .sort()
        .map((file) => {
          const { what, meta, parts } = JSON.parse(readFileSync(new URL(`${target}/${file}`, FOLDER), 'utf8')) as StoredFind
          return { target, name: file.slice(0, -'.json'.length), what, meta, parts: parts.map(unpack) }
        }),
    )
}

/** Keeps a finding under a name; answers the file. */
export function storeFind(finding: Finding, name: string): string {
  const folder = new URL(`${finding.target}/`, FOLDER)
  mkdirSync(folder, { recursive: true })
  const stored: StoredFind = { what: finding.message.split('\n')[0] ?? '', meta: finding.meta, parts: finding.parts.map(pack) }
  const file = new URL(`${name}.json`, folder)
  writeFileSync(file, `${JSON.stringify(stored, null, 2)}\n`)
  return file.pathname
}

function pack(bytes: Buffer): string {
  return bytes.length <= PLAIN_BYTES ? bytes.toString('hex') : PACKED + gzipSync(bytes).toString('base64')
}

function unpack(text: string): Buffer {
  return text.startsWith(PACKED) ? gunzipSync(Buffer.from(text.slice(PACKED.length), 'base64')) : Buffer.from(text, 'hex')
}
