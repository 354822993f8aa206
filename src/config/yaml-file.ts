import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml'
import type { RawSetting } from './load.ts'
import type { RawValue } from './setting.ts'

/**
 * Reads a YAML file of settings: keys with dots, or nested, or both (`num.partitions: 6`, `num: { partitions: 6 }`).
 * Answers what is wrong with the file, a line each, with its line numbers. Loaded only when a file is given.
 */
export function settingsOfYaml(text: string, fileName: string): readonly RawSetting[] | { readonly problems: readonly string[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const place = (offset: number) => `${fileName}:${lines.linePos(offset).line}`
  if (document.errors.length > 0) return { problems: document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`) }
  const root = document.contents
  if (root === null) return []
  if (!isMap(root)) return { problems: [`${place(root.range?.[0] ?? 0)}: a file of settings is a map of keys and values`] }
  const walk = new Walk(document, place)
  walk.map(root, '')
  return walk.problems.length > 0 ? { problems: walk.problems } : walk.found
}

/** Flattens nested maps into keys with dots. */
class Walk {
  readonly found: RawSetting[] = []
  readonly problems: string[] = []
  readonly #document: Document
  readonly #place: (offset: number) => string

  constructor(document: Document, place: (offset: number) => string) {
    this.#document = document
    this.#place = place
  }

  map(map: YAMLMap, prefix: string): void {
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const origin = this.#place(pair.key.range?.[0] ?? 0)
      const key = `${prefix}${isScalar(pair.key) ? String(pair.key.value) : pair.key.toString()}`
      const node = pair.value
      if (isMap(node)) this.map(node, `${key}.`)
      else if (node === null || (isScalar(node) && node.value === null)) this.problems.push(`${origin}: ${key} has no value`)
      else if (isScalar(node) || isSeq(node)) this.found.push({ key, value: node.toJS(this.#document) as RawValue, origin })
      else this.problems.push(`${origin}: the value of ${key} is neither plain nor a list nor a map`)
    }
  }
}
